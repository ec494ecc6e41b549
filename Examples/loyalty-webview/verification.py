"""Two ways in which a back end learns whether an external identity is good.

By key set: the signature is checked here, with Countersign's public keys. Nobody is asked, so it is fast and works while
Countersign is away; but a session that was ended early is still good here until its token expires.

By introspection: Countersign is asked. It knows sessions that have ended, and it is the only way for opaque tokens.
"""
import base64
import json
import urllib.error
import urllib.parse
import urllib.request

import jwt


class Refused(Exception):
    """The token is not good. The way on is another login."""


class Unreachable(Exception):
    """Nobody could be asked. That says nothing about the token: answer 503, never 401."""


class KeySet:
    def __init__(self, countersign, issuer, audience, algorithm="ES256"):
        # Keeps the keys for ten minutes, as Countersign's Cache-Control allows, and fetches them anew for an unknown one.
        self._keys = jwt.PyJWKClient(f"{countersign}/.well-known/jwks.json", lifespan=600, timeout=2)
        self._expected = {"issuer": issuer, "audience": audience, "algorithms": [algorithm]}

    def identity(self, token):
        """The claims of a good token."""
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            return jwt.decode(token, key, **self._expected, options={"require": ["exp", "iat", "sub", "jti"]})
        except jwt.PyJWKClientConnectionError as error:
            raise Unreachable from error
        except jwt.PyJWTError as error:
            raise Refused from error


class Introspection:
    """RFC 7662. The verifier's id and secret stand under `verifiers` in Countersign's configuration."""

    def __init__(self, countersign, verifier, secret):
        self._url = f"{countersign}/introspect"
        pair = f"{urllib.parse.quote_plus(verifier)}:{urllib.parse.quote_plus(secret)}"
        self._authorization = "Basic " + base64.b64encode(pair.encode()).decode()

    def identity(self, token):
        """What Countersign says of a good token: its claims, and `session: unconfirmed` where only they are known."""
        question = urllib.request.Request(self._url, urllib.parse.urlencode({"token": token}).encode(),
                                          {"Authorization": self._authorization})
        try:
            with urllib.request.urlopen(question, timeout=3) as answer:
                session = json.load(answer)
        except (urllib.error.URLError, TimeoutError, ValueError) as error:
            raise Unreachable from error
        if session.get("active") is not True:
            raise Refused
        return session
