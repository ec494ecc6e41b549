"""What the fake NewStore and the example show together, from login to return. A function is a case; its name says what holds."""
import contextlib
import json
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

from visit import Visit, demo_command

ALL = []
DESKTOP = {"viewport": {"width": 1180, "height": 900}, "device_scale_factor": 1}


def case(function):
    ALL.append(function)
    return function


@contextlib.contextmanager
def running(scene):
    """The demo on the scene's ports. Its output is read all the time: a full pipe would stop it."""
    process = subprocess.Popen(demo_command(scene), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    scene["printed"], ready = [], threading.Event()

    def read():
        for line in process.stdout:
            scene["printed"].append(line)
            if "Ctrl-C ends the demo" in line:
                ready.set()
        ready.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert ready.wait(30) and process.poll() is None, "".join(scene["printed"])
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
        reader.join()
    for name, port in scene["demo"]["ports"].items():
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, f"the {name} still listens"


class App(Visit):
    """The fake NewStore's page, with a phone that shows the example's pages in a frame."""

    def __init__(self, browser, scene):
        super().__init__(browser, scene, DESKTOP)
        self.home = f"http://127.0.0.1:{scene['demo']['ports']['newstore']}"
        self.page.goto(self.home)
        self.page.locator("#screen h1").wait_for()
        self.inner = self.page.frame_locator("#frame")

    def press(self, name, within=None):
        (within or self.page).get_by_role("button", name=name, exact=True).click()
        return self

    def sees(self, text):
        self.page.get_by_text(text).first.wait_for()
        return self

    def log_in(self):
        assert self.logs_in_as() == "jane"
        return self.sees("Log out Jane Operator")

    def logs_in_as(self):
        """Whom a login lets in; None if nobody."""
        if self.page.get_by_role("button", name="Log out").count():
            self.press("Log out Jane Operator")
        with self.page.expect_response("**/login") as answer:
            self.press("Log in as Jane Operator")
        return answer.value.json()["associate"]

    def choose(self, label, value):
        self.page.get_by_label(label).select_option(value)
        return self

    def open(self, name, delivery="fragment"):
        if delivery != "fragment":
            self.choose("Hand over by", delivery)
        self.press(name)
        return self

    def apply(self, button):
        """Applies what was chosen; the link leads back to the app."""
        self.inner.get_by_role("button", name=button).click()
        self.page.get_by_role("heading", name="Cart").wait_for()
        return self

    def coupons(self, *starts):
        """The cart has coupons that start so, in this order."""
        lines = self.page.locator(".cart .coupon span")
        lines.nth(len(starts) - 1).wait_for() if starts else self.page.locator(".cart").wait_for()
        found = lines.all_inner_texts()
        assert [it.partition("-")[0] for it in found] == list(starts), found
        return found

    def to_pay(self, amount):
        self.page.locator(".cart .total b", has_text=re.compile(f"^€{re.escape(amount)}$")).wait_for()
        return self

    def points(self, number):
        self.inner.locator(".standing strong", has_text=re.compile(f"^{number}$")).wait_for()
        return self

    def shut(self):
        return self.press("Close")

    def answers(self, text):
        self.page.locator(".event small", has_text=re.compile(text)).first.wait_for()
        return self


@case
def says_on_each_page_that_it_is_fake(browser, scene):
    with App(browser, scene) as app:
        app.sees("for development only").picture("newstore-login")
        app.page.goto(f"http://127.0.0.1:{scene['demo']['ports']['shell']}/")
        app.sees("Shown by a fake NewStore, for development only")


@case
def takes_coupons_through_the_cart_in_their_order(browser, scene):
    with App(browser, scene) as app:
        app.log_in().open("Rewards").points("1,240")
        app.inner.get_by_text("€10 off").click()
        app.picture("newstore-rewards")
        app.apply("Apply 1 reward").to_pay("93.44").coupons("TEN")
        first = app.coupons("TEN")
        app.open("Rewards", "link").points("740")
        app.inner.get_by_text("Birthday gift").click()
        app.apply("Apply 1 reward").to_pay("83.10")
        assert app.coupons("TEN", "BIRTHDAY")[0] == first[0]
        app.open("Rewards", "global").points("740")
        app.inner.get_by_role("listitem").filter(has_text="€10 off").first.click()
        app.inner.get_by_role("slider").fill("300")
        app.apply("Apply 1 reward · 300 points").to_pay("90.10").coupons("BIRTHDAY", "POINTS")
        app.picture("newstore-cart")
        app.open("Rewards").points("940").inner.get_by_role("listitem").filter(has_text="Birthday gift").click()
        app.apply("Remove 1 coupon").to_pay("100.44").coupons("POINTS")


@case
def an_order_takes_rewards_and_brings_points_and_a_return_restores_them(browser, scene):
    with App(browser, scene) as app:
        app.log_in().choose("Customer", "noah.weber@example.com").sees("Place the order").open("Rewards")
        app.inner.get_by_text("Not a member yet").wait_for()
        app.picture("newstore-join")
        app.inner.get_by_label("Name").fill("Noah Weber")
        app.inner.get_by_role("button", name="Join").click()
        app.points("200").inner.get_by_text("Gift wrapping").click()
        app.apply("Apply 1 reward").to_pay("98.44").sees("loyalty_id")
        app.press("Place the order").answers("200").open("Rewards").points("100").shut()
        app.press("Complete").sees("order.completed").open("Rewards").points("198").shut()
        app.press("Again", app.page.locator(".event", has_text="order.completed")).answers("200, 200")
        app.press("Forged", app.page.locator(".event", has_text="order.completed")).answers("200, 200, forged: 401")
        app.open("Rewards").points("198").shut()
        app.picture("newstore-events")
        app.press("Return").sees("return.processed").open("Rewards").points("200").shut()
    printed = "".join(scene["printed"])
    assert printed.count("order.completed: ") == 1, "an event that came twice was told twice"
    assert printed.count("EVENT REFUSED") == 1


@case
def the_profile_opens_a_wishlist_for_its_own_provider(browser, scene):
    with App(browser, scene) as app:
        app.log_in().choose("Customer", "emma.larsen@example.com")
        for delivery in ("fragment", "global"):
            app.open("Wishlist", delivery).inner.get_by_text("Wool coat").wait_for()
            app.picture("newstore-wishlist")
            app.shut()
        app.choose("Customer", "noah.weber@example.com").sees("Place the order")
        app.open("Wishlist").inner.get_by_text("No wishes yet").wait_for()
        app.shut().choose("Customer", "").sees("Place the order").open("Wishlist")
        app.inner.get_by_text("Save the customer first").wait_for()


@case
def a_store_opens(browser, scene):
    with App(browser, scene) as app:
        app.press("Store opening")
        app.page.locator("#opening").wait_for(timeout=30000)
        told = app.page.locator("#opening").inner_text()
        assert told.startswith("50 logins, 100 callbacks") and told.endswith("0 failed, 0 without an identity"), told


@case
def refuses_an_expired_token_whatever_the_mode(browser, scene):
    with App(browser, scene) as app:
        app.press("Token expired").sees("Login failed: vip-loyalty, customer-profile").sees("token_expired")


@case
def without_redis_the_two_switches_decide(browser, scene):
    with App(browser, scene) as app:
        app.press("Redis gone").sees("Redis is gone")
        assert app.logs_in_as() is None
        app.sees("Login failed: vip-loyalty").sees("session_store_unavailable")
        app.picture("newstore-redis-gone")
        app.page.locator(".row", has_text="vip-loyalty").get_by_role("button").click()
        app.page.locator(".row", has_text="vip-loyalty").get_by_role("button", name="optional").wait_for()
        app.log_in().open("Rewards").inner.get_by_text("Open this page from the app").wait_for()
        app.shut().press("Redis back")
        app.page.get_by_role("button", name="Redis gone").wait_for()
        app.page.locator(".row", has_text="vip-loyalty").get_by_role("button").click()
        app.page.locator(".row", has_text="vip-loyalty").get_by_role("button", name="strict").wait_for()
        deadline = time.monotonic() + 20
        while app.logs_in_as() is None:
            assert time.monotonic() < deadline, "no login once Redis was back"
            app.page.wait_for_timeout(100)


@case
def takes_no_link_but_the_one_it_asked_for(browser, scene):
    with App(browser, scene) as app:
        app.log_in().choose("Customer", "emma.larsen@example.com").open("Rewards")
        app.inner.get_by_text("Gift wrapping").wait_for()
        app.shut()
        for link, why in [
            ("com.newstore.associate-one://cart.more.loyaltyProgram/applyCoupons?coupons[]=X&cartId=1&token=" + "0" * 32,
             "security token"),
            ("com.newstore.associate-one://cart.more.loyaltyProgram/other?token=1", "does not lead to"), ("", "expected a link")]:
            app.page.get_by_role("textbox", name="Link").fill(link)
            app.press("Take a native app's link")
            app.page.locator("#error", has_text=why).wait_for()
        app.coupons()


@case
def catches_a_link_however_a_page_follows_it(browser, scene):
    link = "com.newstore.associate-one://cart.more.loyaltyProgram/applyCoupons?coupons[]=X&cartId=1&token=x"
    with App(browser, scene) as app:
        app.log_in().choose("Customer", "emma.larsen@example.com")
        for way in ("window.open({})", "location.href = {}", "location.assign({})"):
            app.open("Rewards").inner.get_by_text("Gift wrapping").wait_for()
            with app.page.expect_response("**/link") as answer:
                app.page.frames[1].evaluate(f"setTimeout(() => {{ {way.format(json.dumps(link))} }})")
            assert "security token" in answer.value.json()["error"], way
            app.page.get_by_role("heading", name="Cart").wait_for()


@case
def answers_on_loopback_by_its_own_name_and_its_own_page_only(browser, scene):
    port = scene["demo"]["ports"]["newstore"]

    def status(path, body=None, **headers):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, {
            name.replace("_", "-"): value for name, value in headers.items()})
        try:
            return urllib.request.urlopen(request, timeout=5).status
        except urllib.error.HTTPError as error:
            return error.code

    own = f"http://127.0.0.1:{port}"
    assert status("/state") == 200 and status("/state", Host="newstore.example") == 421
    assert status("/logout", b"{}", Origin=own) == 200
    assert status("/logout", b"{}", Origin="http://elsewhere.example") == 401 and status("/logout", b"{}") == 401
    for body in (b"", b"[]", b"{", b"[" * 60000, b"\xff", b'{"associate":[]}', b'{"associate":{}}', b'{"expired":1}'):
        assert status("/login", body, Origin=own) == 409, body[:20]
    for path in ("/mode", "/open", "/link", "/proceed", "/deliver", "/nothing"):
        for value in (None, [], {}, 1e300, "x", -1, True):
            body = json.dumps(dict.fromkeys(("provider", "webview", "delivery", "link", "order", "event", "index"), value))
            assert status(path, body.encode(), Origin=own) == 409, (path, value)
    for path in ("/promotions/loyalty/coupons", "/customers/attributes"):
        assert status(path, b"{}") == 401 and status(path, b"{}", Authorization="Bearer wrong") == 401
    with socket.socket() as probe:
        probe.settimeout(2)
        outside = address_of_this_machine()
        assert outside is None or probe.connect_ex((outside, port)) != 0, "it listens beyond loopback"


def address_of_this_machine():
    """One that is not loopback; None if there is none. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        found = probe.getsockname()[0]
        return None if found.startswith("127.") else found
