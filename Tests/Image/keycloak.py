#!/usr/bin/env python3
"""Does what Keycloak would with a realm file: tokens with the claims that its mappers make, and the realm's key set.

    keycloak.py REALM.json URL
"""
import http.server
import json
import sys
import time
import uuid
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

REALM, URL = json.loads(Path(sys.argv[1]).read_text()), urlsplit(sys.argv[2])
ISSUER = f"{URL.geturl()}/realms/{REALM['realm']}"
PROTOCOL = f"{URL.path}/realms/{REALM['realm']}/protocol/openid-connect"
KEY = RSAKey.generate_key(2048, {"use": "sig", "alg": REALM["defaultSignatureAlgorithm"], "kid": str(uuid.uuid4())})


def put(claims, name, value):
    """Dots in a mapper's claim name make objects."""
    *path, last = name.split(".")
    for step in path:
        claims = claims.setdefault(step, {})
    claims[last] = value


def mapped(mapper, user):
    config = mapper["config"]
    roles = [f"default-roles-{REALM['realm']}", *user["realmRoles"]]
    kinds = {
        "oidc-sub-mapper": lambda: ("sub", str(uuid.uuid5(uuid.NAMESPACE_URL, user["username"]))),
        "oidc-audience-mapper": lambda: ("aud", config["included.custom.audience"]),
        "oidc-full-name-mapper": lambda: ("name", f"{user['firstName']} {user['lastName']}"),
        "oidc-hardcoded-claim-mapper": lambda: (config["claim.name"], config["claim.value"]),
        "oidc-usermodel-realm-role-mapper": lambda: (config["claim.name"], roles),
        "oidc-usermodel-attribute-mapper": lambda: (
            config["claim.name"], user.get(config["user.attribute"]) or user["attributes"][config["user.attribute"]][0]),
    }
    assert config["access.token.claim"] == "true", mapper
    return kinds[mapper["protocolMapper"]]()


def token(form):
    client = next(each for each in REALM["clients"] if each["clientId"] == form["client_id"])
    user = next(each for each in REALM["users"] if each["username"] == form["username"])
    assert form["password"] == user["credentials"][0]["value"]
    now = int(time.time())
    claims = {"exp": now + REALM["accessTokenLifespan"], "iat": now, "jti": f"onrtac:{uuid.uuid4()}", "iss": ISSUER,
              "typ": "Bearer", "azp": client["clientId"], "sid": str(uuid.uuid4()), "acr": "1", "scope": "openid"}
    for mapper in client["protocolMappers"]:
        put(claims, *mapped(mapper, user))
    header = {"alg": REALM["defaultSignatureAlgorithm"], "typ": "JWT", "kid": KEY.kid}
    return {"access_token": jwt.encode(header, claims, KEY), "expires_in": REALM["accessTokenLifespan"], "token_type": "Bearer"}


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        assert self.path == f"{PROTOCOL}/certs", self.path
        self.answer({"keys": [KEY.as_dict(private=False)]})

    def do_POST(self):
        assert self.path == f"{PROTOCOL}/token", self.path
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.answer(token({name: values[0] for name, values in form.items()}))


http.server.ThreadingHTTPServer(("0.0.0.0", URL.port), Handler).serve_forever()
