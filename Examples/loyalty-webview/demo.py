"""Starts Countersign and the loyalty page, logs an associate in, and prints the address that the Associate App would open.

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
        "cart": {"cartId": "d816a750-bcdf-4858-bca4-adca283be8b3", "customerEmail": "emma.larsen@example.com"},
        "store": {"id": "d4acdd7f-b6ef-4c4a-b229-250d60e745fb", "name": "Acme Zürich Bahnhofstraße"},
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
    """In a session of its own: Ctrl-C reaches this program alone, which then ends both. None outlives it, however it ends."""
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


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("program")
    arguments.add_argument("--config", default=str(HERE / "countersign.yaml"))
    arguments.add_argument("--countersign", default="http://127.0.0.1:8090")
    arguments.add_argument("--page-port", default="8092")
    options = arguments.parse_args()
    os.environ["LOYALTY_VERIFIER_SECRET"] = secrets.token_urlsafe(24)
    # Both end the demo, also where a shell started it in the background with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    children = [
        start(options.program, "serve", "--config", options.config),
        start(sys.executable, str(HERE / "server.py"), "--port", options.page_port, "--countersign", options.countersign),
    ]
    try:
        page = f"http://127.0.0.1:{options.page_port}"
        wait_for(f"{options.countersign}/webview/countersign.js", children)
        wait_for(page, children)
        identity = exchange(options.program, options.config, options.countersign)
        print(f"\nThe Associate App would open:\n\n{address(page, identity)}\n\nCtrl-C ends the demo.", flush=True)
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
