"""Off-the-shelf OAuth clients against the live service: authlib for metadata (RFC 8414), token exchange (RFC 8693),
introspection (RFC 7662) and revocation (RFC 7009); PyJWT and joserfc for what they were given.

clients.py BASE_URL IDENTITY_TOKEN VERIFIER_ID VERIFIER_SECRET
"""
import os
import sys

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # plain HTTP on loopback

import joserfc.jwt
import jwt
import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from joserfc.jwk import KeySet

base, identity_token, verifier, secret = sys.argv[1:]

document = requests.get(f"{base}/.well-known/oauth-authorization-server").json()
metadata = AuthorizationServerMetadata(document)
for key in AuthorizationServerMetadata.REGISTRY_KEYS:
    # authlib takes an empty list of response types for an absent one; a server without authorization endpoint has none.
    if key != "response_types_supported":
        getattr(metadata, f"validate_{key}", lambda: None)()
assert metadata["response_types_supported"] == [], metadata
# The service is on a port of the test's own, not where its public URL says.
endpoint = {name: url.replace(metadata["issuer"], base) for name, url in document.items() if isinstance(url, str)}
print("authlib: metadata")

client = OAuth2Session(client_id="till", token_endpoint_auth_method="none")
token = client.fetch_token(
    endpoint["token_endpoint"], grant_type="urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token=identity_token, subject_token_type="urn:ietf:params:oauth:token-type:jwt", audience="vip-loyalty")
assert token["token_type"] == "Bearer" and 0 < token["expires_in"] <= 3 * 3600, token
assert client.get(f"{base}/session").json()["active"] is True
print("authlib: token exchange")

external = token["access_token"]
claims = jwt.decode(external, jwt.PyJWKClient(endpoint["jwks_uri"]).get_signing_key_from_jwt(external).key,
                    algorithms=["ES256"], issuer=metadata["issuer"], audience="vip-loyalty")
keys = KeySet.import_key_set(requests.get(endpoint["jwks_uri"]).json())
assert joserfc.jwt.decode(external, keys, algorithms=["ES256"]).claims == claims
print("PyJWT and joserfc: signature")

for method in ("client_secret_basic",):
    back_end = OAuth2Session(client_id=verifier, client_secret=secret, token_endpoint_auth_method=method,
                             revocation_endpoint_auth_method=method)
    answer = back_end.introspect_token(endpoint["introspection_endpoint"], token=external).json()
    assert answer.pop("active") is True and answer == claims, answer
    assert back_end.introspect_token(endpoint["introspection_endpoint"], token="x").json() == {"active": False}
print("authlib: introspection")

assert back_end.revoke_token(endpoint["revocation_endpoint"], token=external).status_code == 200
assert back_end.introspect_token(endpoint["introspection_endpoint"], token=external).json() == {"active": False}
print("authlib: revocation")

thief = OAuth2Session(client_id=verifier, client_secret=secret[:-1], token_endpoint_auth_method="client_secret_basic")
assert thief.introspect_token(endpoint["introspection_endpoint"], token=external).status_code == 401
try:
    client.fetch_token(endpoint["token_endpoint"], grant_type="urn:ietf:params:oauth:grant-type:token-exchange",
                       subject_token="rubbish", subject_token_type="urn:ietf:params:oauth:token-type:jwt")
except Exception as error:
    assert getattr(error, "error", "") == "invalid_request", repr(error)
else:
    raise SystemExit("authlib saw no error in a refusal")
print("authlib: errors")
