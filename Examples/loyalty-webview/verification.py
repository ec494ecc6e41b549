"""Two ways in which a back end learns whether an external identity is good.

By key set: the signature is checked here, with Countersign's public keys. Nobody is asked, so it is fast and works while
Countersign is away; but a session that was ended early is still good here until its token expires.

By introspection: Countersign is asked. It knows sessions that have ended, and it is the only way for opaque tokens.
"""
import base64
import http.client
import json
import urllib.parse
import urllib.request

import jwt


class Refused(Exception):
    """The token is not good. The way on is another login."""


class Unreachable(Exception):
    """Nobody could be asked. That says nothing about the token: answer 503, never 401."""


# No answer, half an answer, an error, or not what Countersign would answer.
OUTAGE = (OSError, http.client.HTTPException, ValueError)


class Keys(jwt.PyJWKClient):
    """Countersign's keys. What is no key set does not replace the one before."""

    def fetch_data(self):
        try:
            with urllib.request.urlopen(self.uri, timeout=self.timeout) as answer:
                document = json.load(answer)
            if not usable(document):
                raise ValueError("no usable keys")
        except OUTAGE as error:
            raise Unreachable from error
        self.jwk_set_cache.put(document)
        return document


def usable(document):
    """Whether it is a JWK set with a key that could have signed a token."""
    try:
        keys = jwt.PyJWKSet.from_dict(document).keys
    except (jwt.PyJWTError, AttributeError, TypeError):
        return False
    return any(key.public_key_use in ("sig", None) and key.key_id for key in keys)


class KeySet:
    def __init__(self, countersign, issuer, audience, algorithm="ES256"):
        # Keeps the keys for ten minutes, as Countersign's Cache-Control allows, and fetches them again for an unknown one.
        self._keys = Keys(f"{countersign}/.well-known/jwks.json", lifespan=600, timeout=2)
        self._expected = {"issuer": issuer, "audience": audience, "algorithms": [algorithm]}

    def identity(self, token):
        """The claims of a good token."""
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            return jwt.decode(token, key, **self._expected, options={"require": ["exp", "iat", "sub", "jti"]})
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
            if not isinstance(session, dict) or not isinstance(session.get("active"), bool):
                raise ValueError("not an introspection")
        except OUTAGE as error:
            raise Unreachable from error
        if not session["active"]:
            raise Refused
        return session
