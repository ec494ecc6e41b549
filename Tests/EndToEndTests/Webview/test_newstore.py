"""What the fake NewStore does where a browser does not get: limits of its coupons, its web view's script, links back."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "Examples/fake-newstore"))

from associate_app import AssociateApp
from shell import ShellHandler, ShellServer, allowing
from shop import COUPON_SECONDS, Events, Refused, Shop

VOUCHER = {"voucherId": "v1", "name": "TEN", "discount": 10, "type": "Fixed", "level": "Cart"}


class Coupons(unittest.TestCase):
    def setUp(self):
        self.now = 0
        self.shop = Shop(Events(None, "key"), clock=lambda: self.now)

    def coupon(self, **more):
        return self.shop.make_coupons([VOUCHER | more])[0]

    def test_a_coupon_lives_for_fifteen_minutes(self):
        self.assertEqual(COUPON_SECONDS, 900)
        for now, lives in [(899, True), (900, True), (901, False)]:
            self.now = 0
            code = self.coupon()
            self.now = now
            self.assertEqual(self.applies(code), lives, now)

    def test_a_coupon_is_not_worth_more_than_the_cart(self):
        for discount, fits in [(103.43, True), (103.44, True), (103.45, False)]:
            self.assertEqual(self.applies(self.coupon(discount=discount)), fits, discount)

    def test_a_refused_link_leaves_the_cart_as_it_is(self):
        code = self.coupon()
        self.assertTrue(self.applies(code))
        self.assertFalse(self.applies(code, "X"))
        self.assertRaises(Refused, self.shop.apply, [], "another cart")
        self.assertEqual(self.shop.selected, [code])
        self.assertTrue(self.applies())
        self.assertEqual(self.shop.selected, [])

    def applies(self, *codes):
        try:
            self.shop.apply(list(codes), self.shop.cart_id)
        except Refused:
            return False
        return True

    def test_other_vouchers_are_refused(self):
        for bad in ({"discount": 0}, {"discount": "1"}, {"discount": True}, {"type": "Other"}, {"level": "Item"},
                    {"voucherId": 1}, {"name": None}):
            self.assertRaises(Refused, self.coupon, **bad)
        for bad in (None, {}, [1], "x"):
            self.assertRaises(Refused, self.shop.make_coupons, bad)
        for bad in ("x", [], None):
            self.assertRaises(Refused, self.shop.set_attributes, bad, {})


class Shell(unittest.TestCase):
    page = b"<!doctype html><html><HEAD><script src=a.js></script></html>"

    def setUp(self):
        self.server = ShellServer(0, "http://127.0.0.1:9", "http://127.0.0.1:8093")
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.handler = ShellHandler.__new__(ShellHandler)
        self.handler.server = self.server

    def test_a_global_is_set_once_and_ends_no_script(self):
        self.server.context = json.dumps({"name": "</script><script>alert(1)", "more": "<!--"})
        script = self.server.script()
        given = script.partition("\n")[0]
        self.assertTrue(given.startswith("window.NEWSTORE = ") and "<" not in given, given)
        self.assertNotIn("window.NEWSTORE =", self.server.script())

    def test_the_script_comes_first_in_the_page(self):
        body, policy = self.handler._with_script(self.page, "script-src 'self'")
        self.assertRegex(body, rb"(?s)^<!doctype html><html><HEAD><script>.+</script><script src=a.js>")
        self.assertRegex(policy, r"^script-src 'self' 'sha256-[A-Za-z0-9+/=]{44}'$")
        body, policy = self.handler._with_script(b"<p>x", None)
        self.assertRegex(body, rb"(?s)^<script>.+</script><p>x$")
        self.assertIsNone(policy)

    def test_a_page_keeps_its_policy_with_that_script_in_it(self):
        for policy, expected in [
            ("default-src 'none'; script-src 'self'; frame-ancestors 'none'", "default-src 'none'; script-src 'self' X"),
            ("default-src 'self'", "default-src 'self'; script-src 'self' X"),
            ("Script-Src 'none'", "script-src X"), ("img-src *", "img-src *"), ("frame-ancestors 'self'", ""),
            ("script-src 'unsafe-inline' 'self'", "script-src 'unsafe-inline' 'self'"),
            ("script-src 'unsafe-inline' 'nonce-a'", "script-src 'unsafe-inline' 'nonce-a' X"),
            ("script-src a; script-src b; script-src-elem c", "script-src a; script-src-elem c X"),
        ]:
            self.assertEqual(allowing(policy, "X"), expected, policy)


class Links(unittest.TestCase):
    def setUp(self):
        self.app = AssociateApp.__new__(AssociateApp)
        self.shop = self.app._shop = Shop(Events(None, "key"))

    def link(self, token):
        code = self.shop.make_coupons([VOUCHER])[0]
        return (f"com.newstore.associate-one://cart.more.loyaltyProgram/applyCoupons?coupons[]={code}"
                f"&cartId={self.shop.cart_id}&token={token}")

    def test_a_security_token_is_good_once(self):
        self.app._token = "0" * 32
        link = self.link("0" * 32)
        self.app.take_link(link)
        self.assertEqual(len(self.shop.selected), 1)
        self.assertRaises(Refused, self.app.take_link, link)

    def test_a_link_without_the_token_is_refused(self):
        for token in (None, "0" * 32):
            self.app._token = token
            for given in ("", "1" * 32, "%C3%A9"):
                self.assertRaises(Refused, self.app.take_link, self.link(given))
        self.assertEqual(self.shop.selected, [])

    def test_a_link_has_a_longest_length(self):
        self.app._token = "0" * 32
        link = self.link("0" * 32)
        self.app.take_link(link + "&x=" + "y" * (16384 - len(link) - 3))
        self.app._token = "0" * 32
        with self.assertRaisesRegex(Refused, "at most 16384"):
            self.app.take_link(link + "&x=" + "y" * (16385 - len(link) - 3))


if __name__ == "__main__":
    unittest.main()
