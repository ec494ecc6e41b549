"""What the loyalty page's back end concludes when Countersign answers nothing, half, or nonsense: never that a token is bad."""
import http.server
import json
import pathlib
import sys
import threading
import time
import unittest

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "Examples/loyalty-webview"))

from verification import Introspection, KeySet, Refused, Unreachable

PRIVATE = ec.generate_private_key(ec.SECP256R1())
KEY = jwt.algorithms.ECAlgorithm.to_jwk(PRIVATE.public_key(), as_dict=True)


def answer(body, status=b"200 OK", length=None):
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, length or len(body), body)


def keys(*members):
    return answer(json.dumps({"keys": list(members)}).encode())


GOOD_KEYS = keys(KEY | {"kid": "one", "use": "sig"})
OUTAGES = {
    "closed without an answer": b"",
    "cut head": b"HTTP/1.1 200",
    "cut body": answer(b'{"active":true,"keys":[]}', length=99),
    "no HTTP": b"hello\r\n\r\n",
    "a wireless network's welcome": answer(b"<html>Welcome"),
    "not UTF-8": answer(b"\xff\xfe\xfd"),
    "an empty object": answer(b"{}"),
    "null": answer(b"null"),
    "a list": answer(b"[]"),
    "an error": answer(b"{}", b"500 Internal Server Error"),
    "refused": answer(b'{"active":false}', b"401 Unauthorized"),
}


class Scripted(http.server.BaseHTTPRequestHandler):
    """Sends the server's `script` as it stands, and closes."""

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.wfile.write(self.server.script)
        self.server.asked += 1

    do_POST = do_GET

    def log_message(self, format, *values):
        pass


class Verification(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
        self.server.asked = 0
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.by_key_set = KeySet(self.address, "https://issuer.example", "loyalty")
        self.by_introspection = Introspection(self.address, "loyalty-backend", "secret")

    def token(self, kid="one", **claims):
        now = int(time.time())
        known = {"iss": "https://issuer.example", "aud": "loyalty", "sub": "a", "jti": "b", "iat": now, "exp": now + 60}
        return jwt.encode(known | claims, PRIVATE, "ES256", {"kid": kid})

    def identity(self, way, script, token=None):
        self.server.script = script
        return way.identity(token or self.token())

    def test_an_outage_says_nothing_about_the_token(self):
        for name, script in OUTAGES.items():
            for way in (self.by_key_set, self.by_introspection):
                with self.subTest(name, way=type(way).__name__), self.assertRaises(Unreachable):
                    self.identity(way, script)

    def test_a_key_set_without_usable_keys_is_an_outage(self):
        for members in [(), ("x",), (7,), ({"kty": "EC"},), ({"kty": "EC", "crv": "P-256", "x": 1, "y": 1},),
                        (KEY,), (KEY | {"kid": "one", "use": "enc"},)]:
            with self.subTest(members), self.assertRaises(Unreachable):
                self.identity(self.by_key_set, keys(*members))
        self.assertEqual(self.identity(self.by_key_set, GOOD_KEYS)["sub"], "a", "and it is not remembered")

    def test_keys_are_kept_while_there_are_no_others(self):
        self.identity(self.by_key_set, GOOD_KEYS)
        for script in (*OUTAGES.values(), keys()):
            with self.assertRaises(Unreachable):
                self.identity(self.by_key_set, script, self.token("another"))
            self.assertEqual(self.identity(self.by_key_set, script)["sub"], "a")

    def test_bad_tokens_are_refused(self):
        for token in ("rubbish", self.token("another"), self.token(exp=1), self.token(aud="x"), self.token(iss="x")):
            with self.assertRaises(Refused):
                self.identity(self.by_key_set, GOOD_KEYS, token)
        with self.assertRaises(Refused):
            self.identity(self.by_introspection, answer(b'{"active":false}'))
        self.assertEqual(self.identity(self.by_introspection, answer(b'{"active":true,"sub":"a"}'))["sub"], "a")


if __name__ == "__main__":
    unittest.main()
