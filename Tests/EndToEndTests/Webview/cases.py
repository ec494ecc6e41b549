"""What the webview kit and the loyalty page promise. A function is a case; its name says what holds."""
import json
import re
import signal
import socket
import subprocess
import urllib.parse
import urllib.request

from visit import CART, PHONE, SECURITY_TOKEN, STORE, TABLET, Visit, context, demo_command, fragment, query

ALL = []

NAME = "Zoë Åström-Þórðardóttir 張偉 😀"


def case(function):
    ALL.append(function)
    return function


def is_clean(visit, kept=""):
    """Neither the address nor the history says who asked."""
    assert visit.page.evaluate("location.search + location.hash") == kept, visit.page.url
    history = visit.context.new_cdp_session(visit.page).send("Page.getNavigationHistory")
    for entry in history["entries"]:
        assert "eyJ" not in entry["url"] and "externalIdentity" not in entry["url"], entry["url"]


# Deliveries

@case
def shows_rewards_to_whom_a_fragment_brings(browser, scene):
    with Visit(browser, scene) as visit:
        visit.open(fragment(context(scene["good"]))).shows_rewards()
        assert visit.heading == "Emma Larsen"
        is_clean(visit)
        assert len(visit.asked("/session")) == 1
        visit.picture("rewards-phone")


@case
def keeps_the_look_on_a_tablet_and_in_the_dark(browser, scene):
    for name, device, options in [("rewards-tablet", TABLET, {}), ("rewards-dark", PHONE, {"color_scheme": "dark"})]:
        with Visit(browser, scene, device, **options) as visit:
            visit.open(fragment(context(scene["good"]))).shows_rewards()
            visit.page.get_by_text("Gift wrapping").click()
            visit.page.get_by_role("button", name="Apply 1 reward").wait_for()
            visit.picture(name)
            for box in visit.page.locator("label, button").all():
                assert box.bounding_box()["height"] >= 44, "too small for a finger"


@case
def reads_names_in_any_script(browser, scene):
    cart = CART | {"customerName": NAME}
    for known, encoding in [(context(scene["good"], cart), "utf-8"),
                            (context(scene["good"], CART | {"customerName": "Zoë Åström"}), "latin-1")]:
        with Visit(browser, scene) as visit:
            visit.open(fragment(known, encoding)).shows_rewards()
            assert visit.heading == known["contextProps"]["cart"]["customerName"], visit.heading
            assert visit.page.locator(".store").inner_text() == "ACME ZÜRICH"


@case
def reads_a_fragment_however_it_was_encoded(browser, scene):
    once = fragment(context(scene["good"], CART | {"customerName": NAME, "note": "~~~???>>>"}))[1:]
    plain = urllib.parse.unquote(once)
    url_safe = plain.replace("+", "-").replace("/", "_")
    assert url_safe != plain
    twice = urllib.parse.quote(once, safe="")
    for name, encoded in {"twice": twice, "three times": urllib.parse.quote(twice, safe=""), "no padding": plain.rstrip("="),
                          "one = too many": plain + "=", "and that encoded": urllib.parse.quote(plain + "=", safe=""),
                          "the other alphabet": url_safe, "that without padding": url_safe.rstrip("="),
                          "a line break": f"{plain[:76]}%0D%0A{plain[76:]}", "blanks around it": f"%20{plain}%20"}.items():
        with Visit(browser, scene) as visit:
            visit.open("#" + encoded).shows_rewards()
            assert visit.heading == NAME, f"{name}: {visit.heading}"
            is_clean(visit)


@case
def reads_the_older_global(browser, scene):
    with Visit(browser, scene) as visit:
        visit.page.add_init_script(f"window.NEWSTORE = {json_of(context(scene['good'], CART | {'customerName': NAME}))}")
        visit.open().shows_rewards()
        assert visit.heading == NAME
        assert visit.page.evaluate("window.NEWSTORE") is None, "later scripts can read the external identity"


@case
def waits_for_a_global_that_comes_with_the_load(browser, scene):
    with Visit(browser, scene) as visit:
        visit.page.add_init_script(
            f"addEventListener('load', () => window.NEWSTORE = {json_of(context(scene['good']))})")
        visit.open().shows_rewards()


@case
def reads_a_deep_link(browser, scene):
    cart = {"cartId": "A&B=C+D 100%", "customerEmail": "emma.larsen@example.com", "customerName": f"{NAME} & 50% + más"}
    with Visit(browser, scene) as visit:
        visit.open(f"?lang=de&{query(scene['good'], cart)}&theme=x").shows_rewards()
        assert visit.heading == cart["customerName"], visit.heading
        is_clean(visit, "?lang=de&theme=x")
        assert couponsLink(visit)["cartId"] == ["A&B=C+D 100%"]


@case
def reads_a_deep_link_that_is_encoded_as_a_whole(browser, scene):
    cart = {"cartId": "A&B=C+D 100%", "customerEmail": "emma.larsen@example.com", "customerName": f"{NAME} & 50% + más"}
    raw = (f"token={SECURITY_TOKEN}&externalIdentity={scene['good']}&cart={json_of(cart)}&store={json_of(STORE)}")
    for inner in (raw, query(scene["good"], cart)):
        # A visit each: after a link out of the browser, Chromium may take no more input.
        with Visit(browser, scene) as visit:
            visit.open("?" + urllib.parse.quote(inner, safe="")).shows_rewards()
            assert visit.heading == cart["customerName"], visit.heading
            is_clean(visit)
            assert couponsLink(visit)["cartId"] == ["A&B=C+D 100%"]


@case
def reads_a_deep_link_that_is_encoded_twice(browser, scene):
    cart = {"cartId": "A&B=C+D 100%", "customerEmail": "emma.larsen@example.com", "customerName": f"{NAME} & 50% + más"}
    link = query(scene["good"], cart)
    whole = urllib.parse.quote(urllib.parse.quote(link, safe=""), safe="")
    each = "&".join(f"{name}={urllib.parse.quote(value, safe='')}"
                    for name, value in (part.split("=", 1) for part in link.split("&")))
    for suffix in (whole, each):
        with Visit(browser, scene) as visit:
            visit.open("?" + suffix).shows_rewards()
            assert visit.heading == cart["customerName"], visit.heading
            is_clean(visit)
            assert couponsLink(visit)["cartId"] == ["A&B=C+D 100%"]


@case
def takes_no_text_of_a_cart_for_an_identity(browser, scene):
    cart = CART | {"note": "x&externalIdentity=EVIL&token=fake&store={}"}
    named = [f"token={SECURITY_TOKEN}", f"externalIdentity={scene['good']}"]
    raw = [f"cart={json_of(cart)}", f"store={json_of(STORE)}"]
    links = [urllib.parse.quote("&".join(inner), safe="") for inner in (named + raw, raw + named)]
    for link in (*links, f"{query(scene['good'], cart)}&externalIdentity=EVIL&token=fake&cart=7"):
        with Visit(browser, scene) as visit:
            visit.open("?" + link).shows_rewards()
            assert visit.heading == "Emma Larsen", visit.heading
            assert visit.page.locator(".store").inner_text() == "ACME ZÜRICH"
            is_clean(visit)
            assert couponsLink(visit)["token"] == [SECURITY_TOKEN]
    with Visit(browser, scene) as visit:
        visit.open("?" + urllib.parse.quote("&".join([named[0], *raw]), safe="")).is_denied("no_identity")
        assert not visit.asked("/session")


@case
def takes_no_other_parameter_for_a_part_of_the_identity(browser, scene):
    with Visit(browser, scene) as visit:
        visit.open(f"?{query(scene['good'])}&Cart=7&EXTERNALIDENTITY=x").shows_rewards()
        is_clean(visit, "?Cart=7&EXTERNALIDENTITY=x")
        inner = f"token={SECURITY_TOKEN}&externalIdentity={scene['good']}&Cart=7&cart={json_of(CART)}"
        visit.open("?" + urllib.parse.quote(inner, safe="")).shows_rewards()
        is_clean(visit)


@case
def takes_both_identities_out_of_an_address_with_two(browser, scene):
    with Visit(browser, scene) as visit:
        visit.open(f"?lang=de&{query(scene['revoked'])}&theme=x{fragment(context(scene['good']))}").shows_rewards()
        is_clean(visit, "?lang=de&theme=x")


@case
def cleans_an_address_that_looks_like_a_host_or_has_another_base(browser, scene):
    for suffix in (fragment(context(scene["good"])), f"?{query(scene['good'])}"):
        for path, head in [("/elsewhere", ""), ("page/", "<base href='https://elsewhere.example/x/'>")]:
            with Visit(browser, scene) as visit:
                visit.open_small_page(path, head, suffix)
                visit.comes_out_as("rendered")
                is_clean(visit)
                assert visit.page.evaluate("location.pathname") == f"/{path}"


@case
def takes_away_a_global_that_cannot_be_deleted(browser, scene):
    known = json_of(context(scene["good"]))
    for script in (f"var NEWSTORE = {known}", f"Object.defineProperty(window, 'NEWSTORE', {{ value: {known}, writable: true }})"):
        with Visit(browser, scene) as visit:
            visit.open_small_page("page", f"<script>{script}</script>")
            visit.comes_out_as("rendered")
            assert visit.page.evaluate("window.NEWSTORE") is None, "later scripts can read the external identity"


@case
def leaves_other_fragments_and_queries_alone(browser, scene):
    with Visit(browser, scene) as visit:
        for suffix in ("", "#rewards", "#bm90IGpzb24", "?lang=de#%E0%A4%A", "?token=1&cart=%7B%7D", "?store=12", "#e30="):
            visit.open(suffix).is_denied("no_identity")
            assert visit.page.evaluate("location.search + location.hash") == suffix, visit.page.url
            assert not visit.asked("/session") and not visit.asked("/api/rewards")


# Denials

@case
def denies_without_an_identity(browser, scene):
    with Visit(browser, scene) as visit:
        for identity in (None, "", 7):
            visit.open(fragment(context(identity))).is_denied("no_identity")
            assert not visit.asked("/session")
        visit.picture("denied-no-identity")


@case
def takes_no_word_that_means_nothing_for_an_identity(browser, scene):
    for word in ("null", "undefined", "NULL ", "(null)", " "):
        for suffix in (fragment(context(word)), f"?{query(word)}"):
            with Visit(browser, scene) as visit:
                visit.open(suffix).is_denied("no_identity")
                assert not visit.asked("/session"), word
        with Visit(browser, scene) as visit:
            visit.page.add_init_script(f"window.NEWSTORE = {json_of(context(word))}")
            visit.open().is_denied("no_identity")
            assert not visit.asked("/session"), word


@case
def denies_bad_tokens_and_says_which_are_over(browser, scene):
    with Visit(browser, scene) as visit:
        for token, reason in [(scene["expired"], "expired"), (scene["revoked"], "refused"), (scene["forged"], "refused"),
                              ("csx_nonsense", "refused"), ("a.b.c", "refused")]:
            visit.open(fragment(context(token))).is_denied(reason)
            is_clean(visit)
            # The browser lets the page read the header only if the service says so.
            code = visit.asked("/session")[-1].response().header_value("X-Request-Id")
            assert len(code) == 32 and visit.page.get_by_text(f"Support code: {code}").is_visible(), code
            visit.picture(f"denied-{reason}")
        assert not visit.asked("/api/rewards"), "the back end was asked for a page that is not shown"


@case
def denies_sessions_of_other_identity_providers(browser, scene):
    # Pages of the first provider have other origins, so the browser keeps the answer; those of the second have the page's.
    for token, reason in [(scene["foreign"], "unreachable"), (scene["optional"], "refused")]:
        with Visit(browser, scene) as visit:
            visit.open(fragment(context(token))).is_denied(reason)
            is_clean(visit)
            assert not visit.asked("/api/rewards")


@case
def shows_any_session_where_the_page_names_no_provider(browser, scene):
    for token, outcome in [(scene["optional"], "rendered"), (scene["foreign"], "unreachable")]:
        with Visit(browser, scene) as visit:
            visit.open_small_page("page", "", fragment(context(token)))
            visit.comes_out_as(outcome)


@case
def tells_pages_of_other_origins_nothing(browser, scene):
    with Visit(browser, scene) as visit:
        visit.open(fragment(context(scene["good"])), host="localhost").is_denied("unreachable")


# Before Countersign has spoken

@case
def has_nothing_in_the_document_before_countersign_answers(browser, scene):
    with Visit(browser, scene) as visit:
        held = []
        visit.page.route("**/session", lambda route: held.append(route))
        visit.open(fragment(context(scene["good"])))
        wait_until(visit, lambda: held)
        visit.shows_nothing()
        is_clean(visit)
        assert visit.page.locator(".waiting").count() == 1 and not visit.asked("/api/rewards")
        held[0].continue_()
        visit.shows_rewards()


@case
def gives_up_after_five_seconds_and_can_try_again(browser, scene):
    with Visit(browser, scene) as visit:
        visit.page.clock.install()
        held = []
        visit.page.route("**/session", lambda route: held.append(route))
        visit.open(fragment(context(scene["good"])))
        wait_until(visit, lambda: held)
        visit.page.clock.fast_forward(2500)
        visit.shows_nothing()
        assert visit.page.locator(".waiting").count() == 1
        visit.page.clock.fast_forward(2500)
        visit.is_denied("unreachable")
        held[0].abort()
        visit.page.unroute("**/session")
        visit.page.get_by_role("button", name="Try again").click()
        visit.shows_rewards()


@case
def is_unreachable_without_the_network(browser, scene):
    with Visit(browser, scene) as visit:
        visit.page.route("**/session", lambda route: route.abort())
        visit.open(fragment(context(scene["good"]))).is_denied("unreachable")
        visit.picture("denied-unreachable")
    with Visit(browser, scene) as visit:
        visit.page.route("**/webview/*", lambda route: route.abort())
        visit.open(fragment(context(scene["good"]))).is_denied("unreachable")


@case
def takes_no_other_answer_for_countersigns(browser, scene):
    answers = [{"status": 200, "body": "<html>Welcome to our wireless network"}, {"status": 200, "body": "null"},
               {"status": 200, "body": '{"active":"true"}'}, {"status": 429, "body": "{}"}, {"status": 503, "body": "{}"},
               {"status": 302, "headers": {"Location": "/elsewhere"}}]
    with Visit(browser, scene) as visit:
        for answer in answers:
            headers = {"Access-Control-Allow-Origin": "*"} | answer.get("headers", {})
            visit.page.route("**/session", fulfil(answer | {"headers": headers}))
            visit.open(fragment(context(scene["good"]))).is_denied("unreachable")
            visit.page.unroute("**/session")


@case
def runs_no_script_that_was_tampered_with(browser, scene):
    with Visit(browser, scene) as visit:
        def tamper(route):
            answer = route.fetch()
            route.fulfill(response=answer, body=answer.text().replace("expired", "EXPIRED"))
        visit.page.route("**/webview/*", tamper)
        visit.open(fragment(context(scene["good"]))).is_denied("unreachable")
        assert not visit.asked("/session")


# The way back

@case
def takes_coupons_back_to_the_cart_with_the_security_token(browser, scene):
    with Visit(browser, scene) as visit:
        visit.open(fragment(context(scene["good"]))).shows_rewards()
        visit.page.get_by_text("Gift wrapping").click()
        visit.page.get_by_text("€10 off").click()
        visit.page.get_by_text("€50 off").click(force=True)
        visit.picture("chosen-phone")
        visit.page.get_by_role("button", name="Apply 2 rewards").click()
        link = visit.page.get_by_role("link", name="Back to the cart")
        link.wait_for()
        visit.picture("done-phone")
        address = link.get_attribute("href")
        assert re.fullmatch(
            r"com\.newstore\.associate-one://cart\.more\.loyaltyProgram/applyCoupons\?"
            r"coupons\[\]=TEN-[0-9A-F]{6}&coupons\[\]=WRAP-[0-9A-F]{6}&cartId=d816a750-bcdf"
            rf"&token={SECURITY_TOKEN}", address), address


@case
def keeps_the_coupons_of_the_cart_and_takes_off_what_is_unticked(browser, scene):
    cart = CART | {"selectedCoupons": ["MANUAL-3", "MANUAL-1", "MANUAL-2"]}
    with Visit(browser, scene) as visit:
        visit.open(fragment(context(scene["good"], cart))).shows_rewards()
        visit.page.get_by_text("MANUAL-1").click()
        visit.page.get_by_role("button", name="Remove 1 coupon").wait_for()
        coupons = couponsLink(visit)["coupons[]"]
        assert coupons[:2] == ["MANUAL-3", "MANUAL-2"] and coupons[2].startswith("WRAP-") and len(coupons) == 3, coupons


@case
def offers_nothing_that_is_worth_more_than_is_left_to_pay(browser, scene):
    for amount, fits in [(9.99, False), (10, True), (10.01, True)]:
        with Visit(browser, scene) as visit:
            visit.open(fragment(context(scene["good"], CART | {"remainingAmount": amount}))).shows_rewards()
            assert visit.page.get_by_label("€10 off").is_enabled() == fits, amount
            visit.page.get_by_text("Gift wrapping").click()
            assert not visit.page.get_by_label("€10 off").is_enabled(), "wrapping takes half of it"
            assert visit.page.get_by_role("slider").get_attribute("max") == ("400" if amount < 10 else "500")


@case
def offers_nothing_in_another_currency(browser, scene):
    with Visit(browser, scene) as visit:
        visit.open(fragment(context(scene["good"], CART | {"currency": "USD"}))).shows_rewards()
        assert visit.page.get_by_role("checkbox").count() == 1
        visit.page.get_by_text("−$10.34").wait_for()


@case
def lets_a_customer_join_who_is_no_member(browser, scene):
    with Visit(browser, scene) as visit:
        visit.open(fragment(context(scene["good"], CART | {"customerEmail": "noah.weber@example.com"})))
        assert visit.page.get_by_role("button", name="Join").is_disabled()
        visit.page.get_by_label("Name").fill("Noah Weber")
        visit.page.get_by_role("button", name="Join").click()
        visit.shows_rewards()
        assert visit.heading == "Noah Weber"
        visit.open(fragment(context(scene["good"], {"cartId": "1"})))
        visit.page.get_by_text("Add a customer to the cart").wait_for()


@case
def leaves_no_token_behind_the_back_button(browser, scene):
    with Visit(browser, scene) as visit:
        visit.open(fragment(context(scene["good"]))).shows_rewards()
        visit.page.goto(f"http://127.0.0.1:{scene['page_port']}/loyalty.css")
        is_clean(visit)
        visit.page.go_back()
        is_clean(visit)
        visit.is_denied("no_identity")
        stored = visit.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, history.state])")
        assert stored == '[{},{},"",null]', stored
        for request in visit.requests:
            address = request.url.partition("#")[0]
            assert scene["good"] not in address + request.headers.get("referer", ""), request.url


# The detectors

@case
def notices_what_a_strict_policy_forbids(browser, scene):
    visit = Visit(browser, scene)
    visit.open(fragment(context(scene["good"]))).shows_rewards()
    assert not visit.violations
    visit.page.evaluate("document.body.append(Object.assign(document.createElement('style'), { textContent: 'p{}' }))")
    wait_until(visit, lambda: visit.violations)
    visit.context.close()


# The demo

@case
def demo_prints_an_address_that_shows_the_page_and_ends_with_ctrl_c(browser, scene):
    demo = scene["demo"]
    running = subprocess.Popen(demo_command(scene), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        printed = []
        for line in running.stdout:
            printed.append(line)
            if line.startswith("http://"):
                break
        assert printed and printed[-1].startswith("http://"), "".join(printed)
        with Visit(browser, scene | {"page_port": demo["ports"]["page"]}) as visit:
            visit.page.goto(printed[-1].strip())
            visit.shows_rewards()
            assert visit.heading == "Emma Larsen"
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=10) == 0, running.stdout.read()
        for port in demo["ports"].values():
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", port)) != 0, f"something still listens on {port}"
    finally:
        running.terminate()
        running.wait(timeout=10)


# From here on the good session has ended, then Redis is gone.

@case
def spends_nothing_once_the_session_is_over(browser, scene):
    with Visit(browser, scene) as visit:
        visit.open(fragment(context(scene["good"]))).shows_rewards()
        revoke(scene, scene["good"])
        visit.page.get_by_text("Gift wrapping").click()
        visit.page.get_by_role("button", name="Apply 1 reward").click()
        visit.is_denied("expired")


@case
def is_unreachable_while_countersign_cannot_decide(browser, scene):
    redis(scene, "SHUTDOWN", "NOSAVE")
    with Visit(browser, scene) as visit:
        visit.open(fragment(context(scene["good"]))).is_denied("unreachable")


@case
def says_so_where_only_the_signature_could_be_checked(browser, scene):
    with Visit(browser, scene) as visit:
        def expect_optional(route):
            answer = route.fetch()
            route.fulfill(response=answer, body=answer.text().replace('"vip-loyalty"', '"optional"'))
        visit.page.route("**/loyalty.js", expect_optional)
        visit.open(fragment(context(scene["optional"]))).shows_rewards()
        visit.page.get_by_text("could not be confirmed").wait_for()
        visit.picture("unconfirmed-phone")
        visit.page.get_by_text("Gift wrapping").click()
        visit.page.get_by_role("button", name="Apply 1 reward").click()
        visit.is_denied("unreachable")


def couponsLink(visit):
    """Redeems one reward, and returns the parameters of the link back."""
    visit.page.get_by_text("Gift wrapping").click()
    visit.page.get_by_role("button", name="Apply 1 reward").click()
    link = visit.page.get_by_role("link", name="Back to the cart")
    link.wait_for()
    return urllib.parse.parse_qs(link.get_attribute("href").partition("?")[2])


def revoke(scene, token):
    request = urllib.request.Request(f"{scene['countersign']}/revoke", urllib.parse.urlencode({"token": token}).encode(),
                                     {"Authorization": scene["verifier"]})
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 200


def redis(scene, *words):
    with socket.create_connection(("127.0.0.1", scene["redis_port"]), timeout=5) as connection:
        connection.sendall((" ".join(words) + "\r\n").encode())
        connection.recv(64)


def fulfil(answer):
    return lambda route: route.fulfill(**answer)


def wait_until(visit, condition):
    """Lets the browser's events come in until the condition holds."""
    for _ in range(400):
        if condition():
            return
        visit.page.wait_for_timeout(10)
    raise AssertionError("never came about")


def json_of(value):
    return json.dumps(value, ensure_ascii=False)
