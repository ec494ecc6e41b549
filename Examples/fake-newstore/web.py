"""The fake NewStore's own pages, what they ask, and the API for the loyalty back end. On loopback only."""
import hmac
import http.server
import json
import pathlib
import threading

from associate_app import ASSOCIATES
from shop import CUSTOMERS, ITEM_NAMES, ITEMS, Refused

PAGE = pathlib.Path(__file__).parent / "page"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


def serve(port, app, shop, store, key):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.app, server.shop, server.store, server.key = app, shop, store, key
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self):
        if not self._is_for_loopback():
            return self._answer(421, {"error": f"This fake NewStore answers as 127.0.0.1:{self.server.server_port} only."})
        name = self.path.partition("?")[0].removeprefix("/") or "index.html"
        file = PAGE / name
        if name == "state":
            self._answer(200, self._state())
        elif file.parent == PAGE and file.suffix in TYPES and file.is_file():
            self._send(200, file.read_bytes(), TYPES[file.suffix])
        else:
            self._answer(404, {"error": "This fake NewStore has no such page."})

    def do_POST(self):
        status, answer = 200, None
        try:
            question = self._question()
            answer = self._api(question) if self._is_api() else self._do(question)
        except Refused as refused:
            status, answer = 409, {"error": str(refused)}
        except PermissionError:
            status, answer = 401, {"error": "This fake NewStore expects its API key, and its own page's origin."}
        self._answer(status, answer or self._state())

    def _is_for_loopback(self):
        """Not for another name that leads here: a page of the web could otherwise read along."""
        return self.headers.get("Host") == f"127.0.0.1:{self.server.server_port}"

    def _is_api(self):
        return self.path.startswith(("/promotions/", "/customers/"))

    def _question(self):
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and int(length) <= 65536):
            self.close_connection = True
            raise Refused("expected a JSON object of at most 64 KiB, with its length")
        body = self.rfile.read(int(length))
        origin = f"http://127.0.0.1:{self.server.server_port}"
        if not self._is_for_loopback() or not self._is_api() and self.headers.get("Origin") != origin:
            raise PermissionError
        try:
            question = json.loads(body)
        except (ValueError, RecursionError):
            question = None
        if not isinstance(question, dict):
            raise Refused("expected a JSON object")
        return question

    def _api(self, question):
        """For the loyalty back end, by its key."""
        given = self.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {self.server.key}".encode()):
            raise PermissionError
        if self.path == "/promotions/loyalty/coupons":
            return {"codes": self.server.shop.make_coupons(question.get("vouchers")), "warnings": []}
        if self.path == "/customers/attributes":
            self.server.shop.set_attributes(question.get("email"), question.get("extended_attributes"))
            return {"updated": True}
        raise Refused("there is no such part of the API here")

    def _do(self, question):
        """What a button does; the answer is the new state, or of `open` an address."""
        app, shop, store = self.server.app, self.server.shop, self.server.store
        word = {name: value for name, value in question.items() if isinstance(value, str)}.get
        match self.path:
            case "/login": app.log_in(word("associate"), question.get("expired") is True)
            case "/logout": app.log_out()
            case "/mode": self._switch(word("provider"))
            case "/opening": app.open_store(50)
            case "/store": store.switch()
            case "/customer": shop.choose_customer(word("email"))
            case "/open": return {"address": app.open(question.get("webview"), word("delivery"))}
            case "/link": app.take_link(word("link"))
            case "/order": shop.order()
            case "/proceed": shop.proceed(word("order"), word("event"))
            case "/deliver": self._deliver(question.get("index"), question.get("forged") is True)
            case _: raise Refused("there is no such button")

    def _switch(self, provider):
        modes = self.server.app.modes
        if provider not in modes:
            raise Refused("there is no such identity provider")
        modes[provider] = "optional" if modes[provider] == "strict" else "strict"

    def _deliver(self, index, is_forged):
        if type(index) is not int:
            raise Refused("there is no such event")
        self.server.shop.events.deliver(index, "not NewStore's key" if is_forged else None)

    def _state(self):
        """All that the page shows. External identities are not among it."""
        app, shop = self.server.app, self.server.shop
        return {
            "associates": ASSOCIATES, "associate": app.associate, "last": app.last, "opening": app.opening, "link": app.link,
            "callbacks": [{"provider": it, "url": url, "mode": app.modes[it]} for it, url in app.callbacks.items()],
            "webviews": [vars(it) for it in app.webviews], "shells": list(app.shells.origins.values()), "store": self.server.store.state,
            "customers": list(CUSTOMERS), "customer": shop.customer, "attributes": shop.attributes.get(shop.customer, {}),
            "cart": shop.cart | {"names": [ITEM_NAMES[it["productId"]] for it in ITEMS]}, "orders": shop.orders,
            "events": [{name: it[name] for name in ("name", "order", "answers")} for it in shop.events.sent],
        }

    def _answer(self, status, document):
        self._send(status, json.dumps(document).encode(), "application/json")

    def _send(self, status, body, kind):
        self.send_response(status)
        shells = " ".join(self.server.app.shells.origins.values())
        headers = {
            "Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
            "Content-Security-Policy": f"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
            f"frame-src {shells or chr(39) + 'none' + chr(39)}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        }
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def version_string(self):
        return "fake-newstore"

    def log_message(self, format, *values):
        """Nothing."""
