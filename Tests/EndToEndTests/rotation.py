"""Exchanges on all replicas without pause, and verifies every external identity as independent back ends would, with
PyJWT: one back end per replica, each with a JWK set of its own that it keeps for max-age and asks for at no other time.
Every token is verified when it is issued and once more shortly before it expires.

rotation.py IDENTITY_TOKEN_FILE MAX_AGE STOP_FILE URL...

Runs until STOP_FILE exists; prints a JSON object with counts.
"""
import collections
import json
import os
import sys
import threading
import time
import urllib.request
import uuid

import jwt

token_file, maximum_age, stop_file, *urls = sys.argv[1:]
identity = open(token_file).read()
clients = [jwt.PyJWKClient(f"{url}/.well-known/jwks.json", cache_jwk_set=True, lifespan=float(maximum_age))
           for url in urls]
counts = collections.Counter()
kids, failures = set(), []
later, lock = collections.deque(), threading.Lock()


def verify(token, when):
    for client in clients:
        kid = jwt.get_unverified_header(token)["kid"]
        # get_signing_key would ask again for an unknown kid, which no back end has to do.
        key = next((key for key in client.get_jwk_set().keys if key.key_id == kid), None)
        try:
            if key is None:
                raise jwt.InvalidKeyError("unknown kid")
            jwt.decode(token, key.key, algorithms=["ES256"], audience="vip-loyalty")
        except jwt.ExpiredSignatureError:
            counts["late"] += 1
            continue
        except jwt.PyJWTError as error:
            with lock:
                failures.append(f"{when}: {error}")
        with lock:
            counts["checks"] += 1
            kids.add(kid)


def exchange(url):
    body = json.dumps({"deviceId": str(uuid.uuid4()), "identity": identity}).encode()
    request = urllib.request.Request(
        f"{url}/post_login_callback/vip-loyalty", data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        token = json.load(answer)["external_identity"]
    with lock:
        counts["exchanges"] += 1
        later.append((jwt.decode(token, options={"verify_signature": False})["exp"], token))
    verify(token, "when issued")


def run(work):
    try:
        work()
    except Exception as error:
        with lock:
            failures.append(f"{type(error).__name__}: {error}")


def exchange_all():
    while not os.path.exists(stop_file):
        for url in urls:
            exchange(url)
        time.sleep(0.01)


def verify_again():
    while later or not os.path.exists(stop_file):
        if not later:
            time.sleep(0.01)
            continue
        expiry, token = later.popleft()
        # A sleep that does not end before the expiry would prove nothing.
        time.sleep(max(0, expiry - 0.25 - time.time()))
        verify(token, "before it expires")


threads = [threading.Thread(target=run, args=[work]) for work in (exchange_all, verify_again)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({**counts, "kids": len(kids), "failures": len(failures), "firstFailures": failures[:5]}))
