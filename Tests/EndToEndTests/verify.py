"""Verifies one external identity as a back end would: JWK set by HTTP, signature, issuer, audience, time.

verify.py JWKS_URL TOKEN ALGORITHM ISSUER AUDIENCE
"""
import json
import sys
import urllib.request

import joserfc.jwt
import jwt
from joserfc.jwk import KeySet

url, token, algorithm, issuer, audience = sys.argv[1:]

key = jwt.PyJWKClient(url).get_signing_key_from_jwt(token)
claims = jwt.decode(token, key.key, algorithms=[algorithm], issuer=issuer, audience=audience,
                    options={"require": ["exp", "iat", "iss", "aud", "sub", "jti"]})
assert claims["email"] == "jane.operator@example.com" and claims["name"] == 'Zoë 😀 "q"', claims
assert claims["identity_provider"] == "vip-loyalty" and claims["tenant"] == "acme-staging", claims
print("PyJWT agrees")

with urllib.request.urlopen(url) as answer:
    keys = KeySet.import_key_set(json.load(answer))
decoded = joserfc.jwt.decode(token, keys, algorithms=[algorithm])
joserfc.jwt.JWTClaimsRegistry(iss={"essential": True, "value": issuer},
                              aud={"essential": True, "value": audience}).validate(decoded.claims)
assert decoded.claims == claims and decoded.header["typ"] == "JWT", decoded.header
print("joserfc agrees")

head, payload, signature = token.split(".")
for spoiled in (f"{head}.{payload}.{signature[:-6]}AAAAAA", f"{head}.{payload[:-4]}AAAA.{signature}"):
    try:
        jwt.decode(spoiled, key.key, algorithms=[algorithm], issuer=issuer, audience=audience)
    except jwt.InvalidTokenError:
        continue
    raise SystemExit("PyJWT accepts a spoiled token, so its agreement says nothing")
