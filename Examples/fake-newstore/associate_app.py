"""The Associate App: it logs in, calls every callback, keeps what it got, and opens webviews and takes links back."""
import base64
import concurrent.futures
import dataclasses
import hmac
import http.client
import json
import secrets
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from shop import CUSTOMERS, STORE, Refused

SCHEME = "com.newstore.associate-one"
ASSOCIATES = {"jane": "Jane Operator", "amir": "Amir Till"}


@dataclasses.dataclass
class Webview:
    title: str
    provider: str
    url: str
    place: str


class AssociateApp:
    def __init__(self, program, config, tenant, timeout, shop, webviews):
        self._program, self._timeout, self._shop, self.webviews = program, timeout, shop, webviews
        self._scope = ["--config", config] + (["--tenant", tenant] if tenant else [])
        document = json.loads(self._run("app-config", *self._scope))
        urls = document["external_integration"]["post_login_callback_urls"]
        self.callbacks = {it["identity_provider"]: it["url"] for it in urls}
        unknown = [it.provider for it in webviews if it.provider not in self.callbacks]
        if unknown:
            raise Refused(f"expected the provider of a page among {', '.join(self.callbacks)}, found {unknown[0]}")
        # NewStore's own switch, beside Countersign's `mode`.
        self.modes = dict.fromkeys(self.callbacks, "strict")
        self.associate, self.identities, self.last, self.link = None, {}, [], None
        self.opening, self._token, self.shells = None, None, None

    def _run(self, *arguments):
        try:
            done = subprocess.run([self._program, *arguments], capture_output=True, text=True)
        except OSError as error:
            raise Refused(f"expected the countersign program (`make build` makes it, --program names it): {error}") from None
        if done.returncode:
            raise Refused(f"{self._program} {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    def _identity_token(self, name, is_expired=False):
        claims = [f"sub={name}", f"name={ASSOCIATES.get(name, name)}", f"preferred_username={name}@example.com",
                  f"email={name}@example.com"]
        if is_expired:
            claims += [f"exp={int(time.time()) - 600}", f"iat={int(time.time()) - 900}"]
        return self._run("token", "mint-dev", *self._scope, *(part for it in claims for part in ("--claim", it))).strip()

    def log_in(self, name, is_expired=False):
        """One login. A failed callback fails it if NewStore's switch says strict."""
        if name not in ASSOCIATES:
            raise Refused("there is no such associate")
        self.log_out()
        results = self._call_all(self._identity_token(name, is_expired), "ipad-7")
        self.last = [{key: value for key, value in it.items() if key != "identity"} for it in results]
        if all(it["outcome"] != "failed" or self.modes[it["provider"]] == "optional" for it in results):
            self.associate = name
            self.identities = {it["provider"]: it["identity"] for it in results}

    def log_out(self):
        self.associate, self.identities, self.last, self._token, self.link = None, {}, [], None, None

    def _call_all(self, token, device):
        """All callbacks at the same moment, as the app does."""
        with concurrent.futures.ThreadPoolExecutor(max(len(self.callbacks), 1)) as pool:
            return list(pool.map(lambda it: self._call(*it, token, device), self.callbacks.items()))

    def _call(self, provider, url, token, device):
        result = {"provider": provider, "status": 0, "outcome": "failed", "detail": "", "identity": None}
        request = urllib.request.Request(url, json.dumps({"deviceId": device, "identity": token}).encode(),
                                         {"Content-Type": "application/json"})
        began = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                identity = json.load(answer).get("external_identity")
                result |= {"status": answer.status, "detail": answer.headers.get("Countersign-Degraded", "")}
                result |= {"outcome": "identity" if identity else "none", "identity": identity}
        except urllib.error.HTTPError as error:
            result |= {"status": error.code, "detail": self._error_code(error)}
        except (OSError, ValueError, AttributeError, http.client.HTTPException) as error:
            result["detail"] = "no answer in time" if isinstance(error, TimeoutError) else "no answer"
        return result | {"milliseconds": round((time.monotonic() - began) * 1000)}

    def _error_code(self, error):
        try:
            return json.load(error).get("error_code", "")
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            return ""

    def open_store(self, logins):
        """A store opens: that many associates log in at the same moment, each with a token and a device of their own."""
        tokens = [self._identity_token(f"associate-{number}") for number in range(logins)]
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(logins) as pool:
            results = [it for login in pool.map(self._call_all, tokens, (f"till-{n}" for n in range(logins))) for it in login]
        took = sorted(it["milliseconds"] for it in results) or [0]
        self.opening = {"logins": logins, "callbacks": len(results), "seconds": round(time.monotonic() - began, 2),
                        "median": took[len(took) // 2], "slowest": took[-1],
                        "failed": sum(it["outcome"] == "failed" for it in results),
                        "none": sum(it["outcome"] == "none" for it in results)}

    def open(self, index, delivery):
        """The address that the phone shows. The page gets a security token, which it has to give back."""
        if not self.associate:
            raise Refused("nobody is logged in")
        webview, self.link = self._webview(index), None
        self._token = secrets.token_hex(16)
        context = {"contextProps": self._props(webview), "securityToken": self._token}
        if not webview.url.startswith("http"):
            delivery = "link"
        identity = self.identities.get(webview.provider)
        if identity:
            context["externalIdentity"] = identity
        return self.shells.address(webview.url, delivery, *self._parts(context, delivery))

    def _webview(self, index):
        if type(index) is not int or not 0 <= index < len(self.webviews):
            raise Refused("there is no such page")
        return self.webviews[index]

    def _props(self, webview):
        if webview.place == "cart":
            return {"cart": self._shop.cart, "store": STORE}
        profile = CUSTOMERS.get(self._shop.customer)
        return {"formData": {"associateId": self.associate, "storeId": STORE["storeId"], "cartId": self._shop.cart_id}
                | ({"profileId": profile} if profile else {})}

    def _parts(self, context, delivery):
        """The query, the fragment and the global, of which one has what the app knows."""
        text = json.dumps(context, ensure_ascii=False)
        if delivery == "fragment":
            return "", "#" + urllib.parse.quote(base64.b64encode(text.encode()).decode(), safe=""), None
        if delivery == "global":
            return "", "", text
        if delivery != "link" or "cart" not in context["contextProps"]:
            raise Refused("expected the delivery fragment, global, or for the cart's page link")
        return "?" + self.deep_link(context), "", None

    def deep_link(self, context):
        """The query that NewStore's example shows: all of it is encoded once more, as one."""
        values = {"token": context["securityToken"], "externalIdentity": context.get("externalIdentity", "")}
        values |= {name: json.dumps(context["contextProps"][name]) for name in ("cart", "store")}
        return urllib.parse.quote(urllib.parse.urlencode(values, quote_via=urllib.parse.quote), safe="")

    def take_link(self, link):
        """A link that came back from a webview or a native app: `applyCoupons`, with the token that was handed out."""
        if not link or len(link) > 16384:
            raise Refused("expected a link of at most 16384 characters")
        self.link = link
        address, _, query = link.partition("?")
        if address != f"{SCHEME}://cart.more.loyaltyProgram/applyCoupons":
            raise Refused("the link does not lead to cart.more.loyaltyProgram/applyCoupons")
        values = urllib.parse.parse_qs(query, keep_blank_values=True)
        if not self._token or not hmac.compare_digest(values.get("token", [""])[0].encode(), self._token.encode()):
            raise Refused("the link does not have the security token that the page was given")
        self._shop.apply(values.get("coupons[]", []), values.get("cartId", [""])[0])
        self._token = None
