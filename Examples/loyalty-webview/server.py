"""The pages and their back end, as small as they can be: Python's standard library, and PyJWT for signatures.

Looking at rewards or wishes needs a good signature (by key set). Joining and spending points ask Countersign (by
introspection), so that a login that was ended, or cannot be confirmed, spends nothing.
"""
import argparse
import base64
import hashlib
import http.server
import json
import os
import pathlib
import re

from loyalty import Cart, Changed, Invalid, Loyalty, text, texts
from newstore import NewStore, is_genuine
from verification import Introspection, KeySet, Refused, Unreachable
from wishlist import wishes

PAGE = pathlib.Path(__file__).parent / "page"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


class Problem(Exception):
    def __init__(self, status):
        self.status = status


class Answers:
    """What the pages ask. Each answer starts with who asks; what they ask for comes from the app, unsigned."""

    def __init__(self, loyalty, by_key_set, by_introspection, profile_by_key_set):
        self._loyalty, self._by_key_set, self._by_introspection = loyalty, by_key_set, by_introspection
        self._profile_by_key_set = profile_by_key_set

    def rewards(self, token, question):
        self._by_key_set.identity(token)
        return self._loyalty.offer(Cart.read(question))

    def join(self, token, question):
        self._associate(token)
        self._loyalty.join(Cart.read(question), text(question, "name"))
        return {}

    def redeem(self, token, question):
        associate = self._associate(token)
        chosen, kept, points = texts(question, "rewards"), texts(question, "keep"), question.get("points", 0)
        if type(points) is not int:
            raise Invalid
        coupons = self._loyalty.redeem(Cart.read(question), chosen, points, kept)
        print(f"a cart has {len(coupons)} coupons by an associate of {associate['tenant']}", flush=True)
        return {"coupons": coupons}

    def wishlist(self, token, question):
        self._profile_by_key_set.identity(token)
        return wishes(question)

    def _associate(self, token):
        """For what cannot be taken back: a session that has ended, or cannot be confirmed, is not enough."""
        associate = self._by_introspection.identity(token)
        if associate.get("session") == "unconfirmed":
            raise Unreachable
        return associate

    def event(self, event):
        """From NewStore. What is known already is taken in silence: NewStore may send an event more than once."""
        noted = self._loyalty.note(event)
        if noted:
            print(noted, flush=True)
        return {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "loyalty", ""
    timeout = 10
    answers: Answers
    countersign: str
    events_key: str

    def do_GET(self):
        try:
            self._body()
        except Problem as problem:
            return self._answer(problem.status, b"", "text/plain")
        name = self.path.partition("?")[0].removeprefix("/") or "index.html"
        file = PAGE / name
        if file.parent != PAGE or file.suffix not in TYPES or not file.is_file():
            return self._answer(404, b"", "text/plain")
        # The files name Countersign as a retailer's would; here it lives elsewhere.
        text = file.read_text().replace("https://identity.acme.example", self.countersign)
        self._answer(200, text.encode(), TYPES[file.suffix], self._policy(text))

    def do_POST(self):
        status, answer = 200, {}
        try:
            # First of all, also where it does not matter: what stays unread would be taken for the next request.
            body = self._body()
            if self.path == "/events":
                answer = self._event(body)
            else:
                answer = self._ask(self.path, self._token(), self._question(body))
        except Invalid:
            status = 400
        except Refused:
            status = 401
        except Changed:
            status = 409
        except Unreachable:
            status = 503
        except Problem as problem:
            status = problem.status
        self._answer(status, json.dumps(answer).encode(), "application/json")

    def _ask(self, path, token, question):
        if path not in ("/api/rewards", "/api/join", "/api/redeem", "/api/wishlist"):
            raise Problem(404)
        return getattr(self.answers, path.removeprefix("/api/"))(token, question)

    def _event(self, body):
        if not is_genuine(self.headers, self.events_key):
            print("EVENT REFUSED: it does not show NewStore's API key. Somebody may be forging events.", flush=True)
            raise Refused
        return self.answers.event(self._question(body))

    def _token(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refused
        return token

    def _body(self):
        """The whole body. Where it is not clear how long it is, the connection ends with the answer."""
        lengths = set(self.headers.get_all("Content-Length", ["0"]))
        length = lengths.pop()
        status = None
        if self.headers.defects or lengths or not re.fullmatch("[0-9]{1,9}", length):
            status = 400
        elif "Transfer-Encoding" in self.headers:
            status = 411
        elif int(length) > 16384:
            status = 413
        if status:
            self.close_connection = True
            raise Problem(status)
        return self.rfile.read(int(length))

    def _question(self, body):
        try:
            question = json.loads(body)
        except (ValueError, RecursionError):
            raise Problem(400) from None
        if not isinstance(question, dict):
            raise Problem(400)
        return question

    def _policy(self, text):
        """Nothing inline, but the import map with its digest."""
        maps = re.findall(r'<script type="importmap">(.*?)</script>', text, re.DOTALL)
        digests = [base64.b64encode(hashlib.sha256(it.encode()).digest()).decode() for it in maps]
        return "; ".join([
            "default-src 'none'", " ".join(["script-src 'self'", self.countersign, *(f"'sha256-{it}'" for it in digests)]),
            "style-src 'self'", f"connect-src 'self' {self.countersign}", "base-uri 'none'", "form-action 'none'",
            "frame-ancestors 'none'", "require-trusted-types-for 'script'"])

    def _answer(self, status, body, kind, policy="default-src 'none'"):
        self.send_response(status)
        headers = {
            "Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Content-Security-Policy": policy,
        }
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format, *values):
        """No request line in any log: a deep link carries the external identity in its query."""


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=8092)
    arguments.add_argument("--countersign", default="http://127.0.0.1:8090", help="where Countersign is")
    arguments.add_argument("--issuer", help="Countersign's public_url, where it is another address")
    arguments.add_argument("--audience", default="https://loyalty.acme.example")
    arguments.add_argument("--profile-audience", default="https://profile.acme.example")
    arguments.add_argument("--verifier", default="loyalty-backend")
    arguments.add_argument("--newstore", default="http://127.0.0.1:8093", help="where NewStore's API is")
    options = arguments.parse_args()
    issuer = options.issuer or options.countersign
    Handler.countersign, Handler.events_key = options.countersign, os.environ["NEWSTORE_EVENTS_KEY"]
    Handler.answers = Answers(
        Loyalty(NewStore(options.newstore, os.environ["NEWSTORE_API_KEY"])),
        KeySet(options.countersign, issuer, options.audience),
        Introspection(options.countersign, options.verifier, os.environ["LOYALTY_VERIFIER_SECRET"]),
        KeySet(options.countersign, issuer, options.profile_audience))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    print(f"the page is at http://127.0.0.1:{server.server_port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
