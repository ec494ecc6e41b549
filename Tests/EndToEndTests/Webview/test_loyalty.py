"""What the loyalty back end makes of carts and of NewStore's events: no point is lost, none is spent twice."""
import itertools
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "Examples/loyalty-webview"))

from loyalty import HELD_SECONDS, Cart, Changed, Invalid, Loyalty
from verification import Unreachable

EMAIL = "emma.larsen@example.com"
CART = {"cartId": "c1", "customerEmail": EMAIL, "currency": "EUR", "remainingAmount": 103.44, "grandTotal": 103.44,
        "selectedCoupons": [], "items": [{"itemId": "i1", "productId": "1000071", "price": 95}]}
STORE = {"storeId": "store-123", "countryCode": "CH"}


class Coupons:
    """NewStore's coupon API; `outage` is raised in place of an answer."""

    def __init__(self):
        self.outage, self.made, self.attributes = None, {}, []

    def make_coupons(self, vouchers):
        if self.outage:
            raise self.outage
        codes = [f"CODE-{len(self.made) + number}" for number in range(len(vouchers))]
        self.made |= dict(zip(codes, vouchers))
        return codes

    def set_attribute(self, *what):
        if self.outage:
            raise self.outage
        self.attributes.append(what)


class Rewards(unittest.TestCase):
    def setUp(self):
        self.now, self.newstore = 0, Coupons()
        self.loyalty = Loyalty(self.newstore, clock=lambda: self.now)

    def cart(self, store=STORE, **more):
        return Cart.read({"cart": CART | more, "store": store})

    def offered(self, store=STORE, **more):
        return [it["id"] for it in self.loyalty.offer(self.cart(store, **more))["rewards"]]

    def points(self, **more):
        return self.loyalty.offer(self.cart(**more))["member"]["points"]

    def redeem(self, *chosen, points=0, keep=(), **more):
        return self.loyalty.redeem(self.cart(**more), list(chosen), points, list(keep))

    def event(self, name, order="o1", email=EMAIL, **more):
        return self.loyalty.note({"name": name, "payload": {"order_id": order, "customer_email": email} | more})

    def test_offers_what_fits_currency_country_items_and_amount(self):
        self.assertEqual(self.offered(), ["birthday", "ten", "alteration", "wrap", "fifty"])
        self.assertEqual(self.offered(currency="CHF"), ["birthday"])
        self.assertNotIn("alteration", self.offered(items=[{"productId": "2"}]))
        self.assertNotIn("alteration", self.offered({"countryCode": "US"}))
        for amount, fits in [(49.99, False), (50, True), (50.01, True)]:
            self.assertEqual("ten" in self.offered(grandTotal=amount), fits, amount)

    def test_a_coupon_is_not_worth_more_than_is_left_to_pay(self):
        for amount, fits in [(14.99, False), (15, True), (15.01, True)]:
            with self.subTest(amount):
                self.setUp()
                if fits:
                    self.assertEqual(len(self.redeem("ten", "wrap", remainingAmount=amount)), 2)
                    self.assertEqual(self.points(selectedCoupons=list(self.newstore.made)), 640)
                else:
                    self.assertRaises(Changed, self.redeem, "ten", "wrap", remainingAmount=amount)
                    self.assertEqual(self.points(), 1240)

    def test_points_are_spent_down_to_nothing_and_not_below(self):
        for points, is_enough in [(700, True), (800, False)]:
            with self.subTest(points):
                self.setUp()
                if is_enough:
                    self.assertEqual(len(self.redeem("ten", points=points)), 2)
                else:
                    self.assertRaises(Changed, self.redeem, "ten", points=points)
        for points in (-100, 50, 1):
            self.assertRaises(Changed, self.redeem, points=points)
        self.assertRaises(Changed, self.redeem, "wrap", "wrap")
        self.assertRaises(Changed, self.redeem, "nothing")

    def test_kept_coupons_come_first_and_in_their_order(self):
        first = self.redeem("ten", "wrap")
        mixed = [first[1], "MANUAL-1", first[0]]
        again = self.redeem("birthday", keep=[first[0], "MANUAL-1", first[1]], selectedCoupons=mixed)
        self.assertEqual(again, mixed + ["CODE-2"])
        self.assertEqual(self.redeem(keep=["CODE-2", "MANUAL-1"], selectedCoupons=again), ["MANUAL-1", "CODE-2"])
        self.assertEqual(self.points(selectedCoupons=["MANUAL-1", "CODE-2"]), 1240, "what was taken off is free again")

    def test_a_reward_that_was_given_is_used_once(self):
        [code] = self.redeem("birthday")
        self.assertNotIn("birthday", self.offered(selectedCoupons=[code]))
        self.assertNotIn("birthday", self.offered(cartId="c2"))
        self.assertIn("birthday", self.offered(), "the cart came back without it")

    def test_a_lost_link_and_a_cart_left_behind_cost_no_points(self):
        self.redeem("ten")
        self.assertEqual(self.points(), 1240, "the same cart, without the coupon")
        self.redeem("ten")
        for now, points in [(HELD_SECONDS - 1, 740), (HELD_SECONDS, 1240)]:
            self.now = now
            self.assertEqual(self.points(cartId="c2"), points)

    def test_a_double_tap_costs_once_whichever_link_the_app_takes(self):
        first, second = self.redeem("ten"), self.redeem("ten")
        self.assertNotEqual(first, second)
        for taken in (second, first, second):
            self.assertEqual(self.points(selectedCoupons=taken), 740)
            self.assertEqual(self.points(cartId="c2"), 740)

    def test_an_outage_of_newstore_changes_nothing(self):
        first = self.redeem("ten")
        self.newstore.outage = Unreachable()
        self.assertRaises(Unreachable, self.redeem, "wrap", selectedCoupons=first)
        self.assertEqual(self.points(selectedCoupons=first), 740)
        self.assertRaises(Unreachable, self.loyalty.join, self.cart(customerEmail="n@example.com"), "N")
        self.assertIsNone(self.loyalty.offer(self.cart(customerEmail="n@example.com"))["member"])

    def test_joining_twice_is_joining_once(self):
        for _ in range(2):
            self.loyalty.join(self.cart(customerEmail="n@example.com"), "N")
        self.assertEqual(len(self.newstore.attributes), 1)
        self.assertEqual(self.points(customerEmail="n@example.com"), 200)

    def test_events_may_come_in_any_order_and_again(self):
        kinds = ["opened", "completed", "return"]
        for order in itertools.permutations(kinds):
            with self.subTest(order):
                self.setUp()
                [code] = self.redeem("ten")
                voucher = self.newstore.made[code]
                facts = {"opened": ("order.opened", {"total": 93.44, "extended_attributes": {"rewards": voucher}}),
                         "completed": ("order.completed", {"total": 93.44}),
                         "return": ("return.processed", {"return_id": "r1", "refund": 93.44})}
                for kind in order:
                    name, more = facts[kind]
                    self.assertIsNotNone(self.event(name, **more))
                    self.assertIsNone(self.event(name, **more), "it was told twice")
                self.now = HELD_SECONDS
                self.assertEqual(self.points(cartId="c2"), 1240)

    def test_an_order_uses_rewards_and_brings_points_and_a_part_given_back_takes_its_share(self):
        [code] = self.redeem("ten")
        self.event("order.opened", total=93.44, extended_attributes={"rewards": self.newstore.made[code]})
        self.now = HELD_SECONDS
        self.assertEqual(self.points(cartId="c2"), 740, "a used reward is not freed by time")
        self.event("order.completed", total=93.44)
        self.assertEqual(self.points(cartId="c2"), 833)
        self.event("return.processed", return_id="r1", refund=40)
        self.assertEqual(self.points(cartId="c2"), 793)
        self.event("return.processed", return_id="r2", refund=53.44)
        self.assertEqual(self.points(cartId="c2"), 1240)

    def test_other_events_and_strangers_change_nothing(self):
        self.assertIsNone(self.event("order.cancelled"))
        self.assertIsNone(self.event("order.completed", email="x@example.com", total=5))
        self.assertEqual(self.points(), 1240)

    def test_what_no_app_and_no_newstore_sends_is_invalid(self):
        for cart in (7, "x", [1], {"customerEmail": []}, {"customerEmail": "x" * 321}, {"remainingAmount": "1"},
                     {"remainingAmount": -1}, {"grandTotal": float("nan")}, {"grandTotal": True}, {"selectedCoupons": "x"},
                     {"selectedCoupons": [1]}, {"items": {"a": 1}}, {"items": [1]}, {"items": [{"productId": 1}]}):
            with self.subTest(cart), self.assertRaises(Invalid):
                Cart.read({"cart": cart})
        for event in ({}, {"payload": 1}, {"name": "order.opened", "payload": {}},
                      {"name": "order.opened", "payload": {"order_id": "1", "customer_email": EMAIL, "total": 1}},
                      {"name": "order.completed", "payload": {"order_id": "1", "customer_email": EMAIL, "total": "1"}},
                      {"name": "return.processed", "payload": {"order_id": "1", "customer_email": EMAIL, "refund": 1}}):
            with self.subTest(event), self.assertRaises(Invalid):
                self.loyalty.note(event)
        self.assertEqual(Cart.read({"cart": None, "store": None}).coupons, [])


if __name__ == "__main__":
    unittest.main()
