"""Verifies Countersign's external identities. Python 3.9 or later, with PyJWT[crypto]: Python itself has no signatures.

    verifier = KeySet("https://identity.acme.example", "https://loyalty.acme.example")
    claims = verifier.claims(token)   # raises Refused (log in again) or Unreachable (try again)
"""
import base64
import http.client
import json
import os
import re
import sys
import threading
import time
import urllib.parse
import urllib.request

import jwt

# The seconds between two fetches for unknown keys, and after a fetch that failed.
COOL_DOWN, PAUSE = 10, 1
# `none` and HMAC are not here, so they do not exist.
ALGORITHMS = {"ES256", "ES384", "RS256", "PS256", "EdDSA"}


class Refused(Exception):
    """The token is not good. Answer 401."""


class Unreachable(Exception):
    """Countersign could not be asked, which says nothing about the token. Answer 503, never 401."""


class KeySet:
    """Checks the signature here, with Countersign's public keys: fast, but a session that was ended early is still good."""

    def __init__(self, countersign, audience, issuer=None):
        """`issuer` is Countersign's `public_url`; give it if you reach Countersign at another address."""
        self._url = f"{countersign}/.well-known/jwks.json"
        self._expected = {"audience": audience, "issuer": issuer or countersign}
        self._lock = threading.Lock()
        self._keys, self._fresh_until, self._retry_at, self._has_failed = {}, 0, 0, False

    def claims(self, token):
        try:
            key = self._key(jwt.get_unverified_header(token).get("kid"))
            # By the key's own algorithm: the token does not choose.
            return jwt.decode(token, key.key, algorithms=[key.algorithm_name], **self._expected,
                              options={"require": ["exp", "iss", "aud"]})
        except (jwt.PyJWTError, RecursionError) as error:
            raise Refused from error

    def _key(self, kid):
        """Fetches the set again once it is as old as Countersign allows, or for an unknown key, but not endlessly."""
        with self._lock:
            now = time.monotonic()
            is_stale = now >= self._fresh_until
            if is_stale or kid not in self._keys:
                if now >= self._retry_at:
                    self._fetch(0 if is_stale else COOL_DOWN)
                elif self._has_failed:
                    raise Unreachable("the last fetch has just failed")
            if kid not in self._keys:
                raise Refused("unknown key")
            return self._keys[kid]

    def _fetch(self, cool_down):
        self._retry_at, self._has_failed = time.monotonic() + PAUSE, True
        document, headers = ask(self._url)
        listed = document.get("keys")
        keys = dict(usable(key) for key in listed if usable(key)) if isinstance(listed, list) else {}
        if not keys:
            raise Unreachable("no usable keys")
        age = re.search(r"max-age=(\d+)", headers.get("Cache-Control", ""))
        lifetime = int(age[1]) if age else 300
        now = time.monotonic()
        self._keys, self._fresh_until, self._has_failed = keys, now + lifetime, False
        self._retry_at = now + min(lifetime, cool_down)


class Introspection:
    """Asks Countersign: knows sessions that have ended, and is the only way for opaque tokens."""

    def __init__(self, countersign, audience, verifier, secret):
        """For opaque tokens `audience` is the identity provider's name."""
        pair = f"{urllib.parse.quote(verifier, safe='')}:{urllib.parse.quote(secret, safe='')}"
        self._url, self._audience = f"{countersign}/introspect", audience
        self._headers = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    def claims(self, token):
        answer, _ = ask(self._url, urllib.parse.urlencode({"token": token}).encode(), self._headers)
        if answer.get("active") is False:
            raise Refused("not active")
        if answer.get("active") is not True:
            raise Unreachable("not an introspection")
        audience = answer.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise Refused("another audience")
        return answer


class Straight(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer that is not Countersign's."""

    def redirect_request(self, *_):
        return None


def ask(url, body=None, headers={}):
    """The JSON object of an answer, and its headers."""
    try:
        question = urllib.request.Request(url, body, headers)
        with urllib.request.build_opener(Straight).open(question, timeout=3) as answer:
            document = json.load(answer)
    except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
        raise Unreachable(f"no answer from {url}") from error
    if answer.status != 200 or not isinstance(document, dict):
        raise Unreachable(f"no answer from {url}")
    return document, answer.headers


def usable(key):
    """Name and key; None if it cannot have signed a token."""
    if isinstance(key, dict) and key.get("alg") in ALGORITHMS and key.get("use", "sig") == "sig":
        try:
            return str(key["kid"]), jwt.PyJWK(key)
        except (jwt.PyJWTError, LookupError, TypeError, ValueError):
            pass
    return None


def main(token, audience):
    """verifier.py TOKEN AUDIENCE: prints good, refused or unreachable, and exits with 0, 1 or 2. See README.md."""
    setting = os.environ.get
    url, name = setting("COUNTERSIGN_URL"), setting("COUNTERSIGN_VERIFIER")
    verifier = (Introspection(url, audience, name, setting("COUNTERSIGN_VERIFIER_SECRET")) if name
                else KeySet(url, audience, setting("COUNTERSIGN_ISSUER")))
    status = 2
    for one in map(str.strip, sys.stdin) if token == "-" else [token]:
        try:
            verifier.claims(one)
            status = 0
        except Refused:
            status = 1
        except Unreachable:
            status = 2
        print(["good", "refused", "unreachable"][status], flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
