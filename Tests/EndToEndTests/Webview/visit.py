"""One visit to the loyalty page in a real browser, as the Associate App would open it."""
import base64
import json
import sys
import urllib.parse

PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}
TABLET = {"viewport": {"width": 820, "height": 1180}, "device_scale_factor": 2, "has_touch": True}

CART = {"cartId": "d816a750-bcdf", "customerEmail": "emma.larsen@example.com", "currency": "EUR", "remainingAmount": 103.44,
        "grandTotal": 103.44, "subTotal": 99.12, "selectedCoupons": [],
        "items": [{"productId": "1000071", "itemId": "8a87355d", "price": 95}]}
STORE = {"storeId": "store-123", "countryCode": "CH"}
SECURITY_TOKEN = "0123456789abcdef0123456789abcdef"


def context(identity, cart=CART, store=STORE, **more):
    """What the app knows, as it hands it over in a fragment or in window.NEWSTORE."""
    known = {"contextProps": {"cart": cart, "store": store}, "securityToken": SECURITY_TOKEN} | more
    return known | ({"externalIdentity": identity} if identity is not None else {})


def fragment(known, encoding="utf-8"):
    text = json.dumps(known, ensure_ascii=False).encode(encoding)
    return "#" + urllib.parse.quote(base64.b64encode(text).decode(), safe="")


def query(identity, cart=CART, store=STORE):
    """The deep link's parameters, each percent-encoded; like iOS, which leaves the plus sign as it is."""
    values = {"token": SECURITY_TOKEN, "externalIdentity": identity, "cart": json.dumps(cart, ensure_ascii=False),
              "store": json.dumps(store, ensure_ascii=False)}
    return "&".join(f"{name}={urllib.parse.quote(value, safe='+@')}" for name, value in values.items())


def demo_command(scene):
    """The demo on ports of the scene's."""
    demo = scene["demo"]
    return [sys.executable, demo["script"], scene["program"], "--config", demo["config"],
            *(part for name, port in demo["ports"].items() for part in (f"--{name}-port", str(port)))]


class Visit:
    """A browser context of its own, which notes what must not happen."""

    def __init__(self, browser, scene, device=PHONE, **options):
        self.scene = scene
        self.context = browser.new_context(**(device | options))
        self.page = self.context.new_page()
        self.page.set_default_timeout(8000)
        self.violations, self.errors, self.requests = [], [], []
        self.context.expose_binding("noteViolation", lambda _, what: self.violations.append(what))
        self.context.add_init_script(
            "addEventListener('securitypolicyviolation', (event) => noteViolation(event.violatedDirective))")
        self.page.on("console", lambda message: "Content Security Policy" in message.text
                     and self.violations.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request))

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        failed = kind is not None
        violations, errors = self.violations, self.errors
        self.context.close()
        if not failed:
            assert not violations, f"the content security policy was violated: {violations}"
            assert not errors, f"scripts failed: {errors}"

    def open(self, suffix="", host="127.0.0.1"):
        """Loads the page again, also where the fragment alone differs from the last visit's."""
        self.page.goto("about:blank")
        self.page.goto(f"http://{host}:{self.scene['page_port']}/{suffix}")
        return self

    def open_small_page(self, path, head, suffix=""):
        """A page of the same origin with the script and nothing else, whose title tells what came of it."""
        address = f"http://127.0.0.1:{self.scene['page_port']}/{path}"
        html = f"""<!doctype html>{head}<script type="module">
            import("{self.scene['countersign']}/webview/countersign.js").then((kit) => kit.start({{
              render: () => "rendered", deny: (reason) => reason,
            }})).catch(String).then((outcome) => document.title = outcome);
            </script>"""
        self.page.route(lambda url: url.partition("?")[0] == address,
                        lambda route: route.fulfill(body=html, content_type="text/html"))
        self.page.goto(address + suffix)

    def comes_out_as(self, outcome):
        self.page.wait_for_function("document.title")
        assert self.page.title() == outcome, self.page.title()

    def shows_rewards(self):
        self.page.get_by_role("button", name="Choose rewards").wait_for()
        return self

    def is_denied(self, reason):
        notice = self.page.locator("section.notice[data-reason]")
        notice.wait_for()
        found = notice.get_attribute("data-reason")
        assert found == reason, f"denied for {found}, not for {reason}"
        self.shows_nothing()
        return self

    def shows_nothing(self):
        """Nothing of the content is in the document: no member, no reward, not even hidden."""
        html = self.page.content()
        for word in ("Larsen", "points", "pts", "€10 off", "checkbox"):
            assert word not in html, f"{word} is in the document"

    def asked(self, path):
        return [request for request in self.requests if urllib.parse.urlsplit(request.url).path == path]

    @property
    def heading(self):
        return self.page.get_by_role("heading", level=1).inner_text()

    def picture(self, name):
        self.page.screenshot(path=f"{self.scene['pictures']}/{name}.png")
