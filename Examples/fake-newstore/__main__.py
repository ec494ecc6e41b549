"""A fake NewStore for development, on loopback only: the Associate App in a browser, its login callbacks, webviews, deep
links, carts, coupons and events. Nothing of it comes from NewStore, and nothing of it is secure.

The callbacks are those that `countersign app-config` prints; identity tokens come from `countersign token mint-dev`, so the
configuration needs a tenant with a development key. Example:

  python3 Examples/fake-newstore --config config/countersign.yaml --loyalty vip-loyalty=http://127.0.0.1:3000/

NEWSTORE_API_KEY is what a loyalty back end calls this NewStore with, NEWSTORE_EVENTS_KEY what this NewStore shows when it
delivers events; without them both are "fake".
"""
import argparse
import os
import pathlib
import signal
import sys
import urllib.parse

from associate_app import AssociateApp, Webview
from shell import Shells
from shop import Events, Refused, Shop
from store import Store
from web import serve

BUILT = pathlib.Path(__file__).parents[2] / ".build/release/countersign"


def webview(text):
    provider, _, url = text.partition("=")
    if not provider or "://" not in url:
        raise argparse.ArgumentTypeError(f"expected PROVIDER=URL, found {text}")
    return provider, url


def page(text):
    provider, url = webview(text)
    if not url.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"expected PROVIDER=URL of a page, found {text}")
    return provider, url


def title(url):
    return pathlib.PurePath(urllib.parse.urlsplit(url).path).stem.capitalize()


def options():
    parser = argparse.ArgumentParser(
        prog="fake-newstore", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, help="Countersign's configuration file")
    parser.add_argument("--tenant", help="default: all of app-config, and the first with a development key")
    parser.add_argument("--program", default=str(BUILT) if BUILT.exists() else "countersign",
                        help="the countersign program; default: %(default)s")
    parser.add_argument("--loyalty", type=webview, metavar="PROVIDER=URL",
                        help="the page that the cart opens, or a native app's address")
    parser.add_argument("--profile", type=page, metavar="PROVIDER=URL", action="append", default=[],
                        help="a page that the customer profile opens; may come more than once")
    parser.add_argument("--events", metavar="URL", help="where the back end takes events")
    parser.add_argument("--port", type=int, default=8093)
    parser.add_argument("--shell-port", type=int, default=8094, help="of the first page's phone; others follow")
    parser.add_argument("--timeout", type=float, default=3, help="seconds that a callback may take")
    parser.add_argument("--store", metavar="COMMAND", help="runs it, so that a button can take Countersign's Redis away")
    return parser.parse_args()


def main():
    given = options()
    # Both end it in order, even if a shell started it in the background with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    address = f"http://127.0.0.1:{given.port}"
    webviews = [Webview("Rewards", *given.loyalty, "cart")] if given.loyalty else []
    webviews += [Webview(title(url) or provider, provider, url, "profile") for provider, url in given.profile]
    shop = Shop(Events(given.events, os.environ.get("NEWSTORE_EVENTS_KEY", "fake")))
    store = Store(given.store)
    try:
        app = AssociateApp(given.program, given.config, given.tenant, given.timeout, shop, webviews)
        app.shells = Shells(address, given.shell_port, [it.url for it in webviews])
        for shown, origin in app.shells.origins.items():
            print(f"its phone shows {shown} as {origin}, which webview.origins has to list")
        serve(given.port, app, shop, store, os.environ.get("NEWSTORE_API_KEY", "fake"))
        print(f"the fake NewStore is at {address}/", flush=True)
        store.run()
    except Refused as refused:
        sys.exit(str(refused))
    except OSError as error:
        sys.exit(f"the fake NewStore cannot start: {error}")
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
