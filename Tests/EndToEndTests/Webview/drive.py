"""Opens the pages of Examples/ in Chromium, case by case, and prints a JSON line for each.

drive.py CASES < scene.json: a module of cases; the running service and page, tokens good and bad, where Redis is, where
pictures go.
"""
import contextlib
import importlib
import json
import os
import sys
import time
import traceback

from playwright.sync_api import sync_playwright


def main():
    cases = importlib.import_module(sys.argv[1])
    scene = json.load(sys.stdin)
    os.makedirs(scene["pictures"], exist_ok=True)
    with sync_playwright() as playwright, getattr(cases, "running", contextlib.nullcontext)(scene):
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            # Chromium's sandbox refuses to work for root.
            chromium_sandbox=os.geteuid() != 0,
            args=["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
                  # A page that a test makes up comes from nowhere, and may not ask the local network.
                  f"--ip-address-space-overrides={scene['countersign'].removeprefix('http://')}=public"]
            if "countersign" in scene else ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"])
        for case in cases.ALL:
            began = time.monotonic()
            line = {"case": case.__name__}
            try:
                case(browser, scene)
            except Exception:
                line["failure"] = traceback.format_exc(limit=-3)
            line["seconds"] = round(time.monotonic() - began, 2)
            print(json.dumps(line), flush=True)
        browser.close()


main()
