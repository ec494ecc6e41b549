"""Two back ends of ordinary libraries, tested with a verifier kit.

kit.py DIRECTORY
"""
import json
import pathlib
import sys

import joserfc.jwt
import jwt
from joserfc.jwk import KeySet

kit = pathlib.Path(sys.argv[1])
verdicts = json.loads((kit / "verdicts.json").read_text())
key_set = json.loads((kit / verdicts["jwks"]).read_text())


def pyjwt(token, provider):
    header = jwt.get_unverified_header(token)
    key = {k["kid"]: k for k in key_set["keys"]}[header["kid"]]
    return jwt.decode(token, jwt.PyJWK(key).key, algorithms=[provider["algorithm"]], issuer=verdicts["issuer"],
                      audience=provider["audience"], options={"require": ["exp", "iat", "sub", "jti"]})


def joserfc_(token, provider):
    decoded = joserfc.jwt.decode(token, KeySet.import_key_set(key_set), algorithms=[provider["algorithm"]])
    joserfc.jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": verdicts["issuer"]}, aud={"essential": True, "value": provider["audience"]},
        exp={"essential": True}).validate(decoded.claims)
    return decoded.claims


def verdict(verify, token, provider):
    try:
        claims = verify(token, provider)
    except Exception:
        return "reject"
    return "accept" if claims["identity_provider"] == provider["identity_provider"] else "reject"


count = 0
for provider in verdicts["identity_providers"]:
    for entry in provider["tokens"]:
        token = (kit / entry["file"]).read_text()
        for verify in (pyjwt, joserfc_):
            found = verdict(verify, token, provider)
            assert found == entry["verdict"], f"{verify.__name__} {entry['file']}: {found}, expected {entry['verdict']}"
        if entry["verdict"] == "accept":
            assert pyjwt(token, provider)["sub"] == "countersign-verifier-kit"
        count += 1
print(f"{count} verdicts agree")
