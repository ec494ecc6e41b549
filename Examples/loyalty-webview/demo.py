"""Starts Countersign, the loyalty pages and a fake NewStore with a Redis, and says where to look. See README.md.

demo.py COUNTERSIGN_PROGRAM
"""
import argparse
import base64
import json
import os
import pathlib
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).parent

CONTEXT = {
    "contextProps": {
        "cart": {
            "items": [{"productId": "1000071", "itemId": "8a87355d-5153-44a5-b69e-62fb24f69dad", "price": 95}],
            "selectedCoupons": [], "cartId": "d816a750-bcdf-4858-bca4-adca283be8b3", "currency": "EUR",
            "remainingAmount": 103.44, "grandTotal": 103.44, "subTotal": 99.12, "customerEmail": "emma.larsen@example.com"},
        "store": {"storeId": "store-123", "countryCode": "CH"},
    },
}


def exchange(program, config, countersign):
    """What the app does after a login: it posts NewStore's token, and keeps the answer."""
    minted = subprocess.run([program, "token", "mint-dev", "--config", config], check=True, capture_output=True, text=True)
    body = json.dumps({"deviceId": "ipad-7", "identity": minted.stdout.strip()}).encode()
    callback = urllib.request.Request(f"{countersign}/post_login_callback/vip-loyalty", body,
                                      {"Content-Type": "application/json"})
    with urllib.request.urlopen(callback, timeout=5) as answer:
        return json.load(answer)["external_identity"]


def address(page, identity):
    """What the app does with it: a fragment with all it knows."""
    context = CONTEXT | {"externalIdentity": identity, "securityToken": secrets.token_hex(16)}
    return f"{page}/#{base64.b64encode(json.dumps(context, ensure_ascii=False).encode()).decode()}"


def start(*command):
    """In a session of its own: Ctrl-C reaches this program alone, which then ends all. None outlives it, however it ends."""
    return subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *command], start_new_session=True)


def wait_for(url, children):
    for _ in range(150):
        if any(child.poll() is not None for child in children):
            raise SystemExit("the demo ended: a port may be in use; see above")
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except urllib.error.URLError:
            time.sleep(0.1)
    raise SystemExit(f"nobody answers at {url}")


def options():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("program")
    arguments.add_argument("--config", default=str(HERE / "countersign.yaml"))
    arguments.add_argument("--countersign-port", default="8090")
    arguments.add_argument("--page-port", default="8092")
    arguments.add_argument("--newstore-port", default="8093")
    arguments.add_argument("--shell-port", default="8094", help="where the fake NewStore's phone shows the pages")
    arguments.add_argument("--redis-port", default="8095")
    return arguments.parse_args()


def start_all(given, countersign, page, newstore):
    redis = f"redis-server --bind 127.0.0.1 --port {given.redis_port} --save '' --appendonly no"
    for name in ("LOYALTY_VERIFIER_SECRET", "NEWSTORE_API_KEY", "NEWSTORE_EVENTS_KEY"):
        os.environ[name] = secrets.token_urlsafe(24)
    return [
        start(given.program, "serve", "--config", given.config),
        start(sys.executable, str(HERE / "server.py"), "--port", given.page_port, "--countersign", countersign,
              "--newstore", newstore),
        start(sys.executable, str(HERE.parent / "fake-newstore"), "--program", given.program, "--config", given.config,
              "--port", given.newstore_port, "--shell-port", given.shell_port, "--loyalty", f"vip-loyalty={page}/",
              "--profile", f"customer-profile={page}/wishlist.html", "--events", f"{page}/events", "--store", redis),
    ]


def main():
    given = options()
    # Both end the demo, also if a shell started it in the background with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    countersign, page, newstore = (
        f"http://127.0.0.1:{port}" for port in (given.countersign_port, given.page_port, given.newstore_port))
    children = start_all(given, countersign, page, newstore)
    try:
        for url in (f"{countersign}/webview/countersign.js", page, newstore):
            wait_for(url, children)
        identity = exchange(given.program, given.config, countersign)
        print(f"\nAfter a login the Associate App would open this page:\n\n{address(page, identity)}\n\n"
              f"The whole app, as a fake NewStore: {newstore}/\n\nCtrl-C ends the demo.", flush=True)
        while all(child.poll() is None for child in children):
            time.sleep(0.2)
    except KeyboardInterrupt:
        print()
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait()


if __name__ == "__main__":
    main()
