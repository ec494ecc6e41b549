"""What schemathesis cannot know: a token that is good, and who may ask.

Environment: IDENTITY_TOKEN (good for every identity provider of the service), VERIFIER (id:secret), SERVICE (base URL of the
public listener).
"""
import json
import os
import urllib.request

import schemathesis

TOKEN, VERIFIER, SERVICE = (os.environ[name] for name in ("IDENTITY_TOKEN", "VERIFIER", "SERVICE"))
EXCHANGES = ("exchangeForProvider", "exchange", "exchangeByHost")


def external_identity():
    request = urllib.request.Request(
        f"{SERVICE}/post_login_callback/vip-loyalty", json.dumps({"identity": TOKEN}).encode(),
        {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["external_identity"]


@schemathesis.hook
def map_body(context, body):
    """Every other well-formed exchange carries the good token, so that there are answers to link from."""
    if not isinstance(body, dict):
        return body
    name = context.operation.definition.raw.get("operationId")
    # The document has a device in one spelling; the service also takes both, where they say the same.
    both = "deviceId" in body and "device_id" in body
    if name in EXCHANGES and not both and isinstance(body.get("identity"), str) and len(body["identity"]) % 2:
        return {**body, "identity": TOKEN}
    if name == "exchangeToken" and isinstance(body.get("subject_token"), str) and len(body["subject_token"]) % 2:
        audience = {"audience": "vip-loyalty"} if isinstance(body.get("audience"), str) else {}
        return {**body, **audience, "subject_token": TOKEN}
    return body


@schemathesis.auth(cache_by_key=lambda case, context: case.operation.label).apply_to(path=["/introspect", "/revoke", "/revocations"])
class VerifierAuth:
    def get(self, case, context):
        return f"Bearer {VERIFIER}"

    def set(self, case, data, context):
        case.headers["Authorization"] = data


@schemathesis.auth(cache_by_key=lambda case, context: case.operation.label).apply_to(path="/session", method="GET")
class SessionAuth:
    def get(self, case, context):
        return f"Bearer {external_identity()}"

    def set(self, case, data, context):
        case.headers["Authorization"] = data
