"""Carts, coupons, customers, orders and events, as far as a loyalty back end sees them."""
import dataclasses
import datetime
import json
import secrets
import threading
import time
import urllib.error
import urllib.request
import uuid

ITEMS = [{"productId": "1000071", "itemId": "8a87355d-5153-44a5-b69e-62fb24f69dad", "price": 95}]
ITEM_NAMES = {"1000071": "Trousers, navy, 32"}
STORE = {"storeId": "store-123", "countryCode": "CH"}
CUSTOMERS = {
    "emma.larsen@example.com": "6e8f3f23-117e-481c-b99e-7440f07b4960",
    "noah.weber@example.com": "0b9d6a6e-2f4c-4d0a-8e55-3f3f1f6f2c11",
}
# As NewStore says of its loyalty coupons.
COUPON_SECONDS = 15 * 60


class Refused(Exception):
    """What NewStore would not do, and why."""


@dataclasses.dataclass
class Coupon:
    code: str
    voucher: str
    discount: float
    is_percent: bool
    made: float

    def cents(self, total):
        return total * round(self.discount) // 100 if self.is_percent else round(self.discount * 100)


class Shop:
    """The one cart of the one associate. Amounts are in cents, and leave as NewStore writes them."""

    def __init__(self, events, clock=time.time):
        self.events, self._clock, self._lock = events, clock, threading.Lock()
        self._coupons: dict[str, Coupon] = {}
        self.attributes = {email: {} for email in CUSTOMERS}
        self.orders = []
        self.customer = "emma.larsen@example.com"
        self._new_cart()

    def _new_cart(self):
        self.cart_id, self.selected, self.currency = str(uuid.uuid4()), [], "EUR"
        self.subtotal, self.total = 9912, 10344

    @property
    def remaining(self):
        return self.total - sum(self._coupons[code].cents(self.total) for code in self.selected)

    @property
    def cart(self):
        """As the app hands it over."""
        return {"items": ITEMS, "selectedCoupons": list(self.selected), "cartId": self.cart_id, "currency": self.currency,
                "remainingAmount": self.remaining / 100, "grandTotal": self.total / 100, "subTotal": self.subtotal / 100,
                **({"customerEmail": self.customer} if self.customer else {})}

    def choose_customer(self, email):
        with self._lock:
            if email and email not in CUSTOMERS:
                raise Refused("there is no such customer")
            self.customer = email or None
            self._new_cart()

    def make_coupons(self, vouchers):
        """The loyalty coupons of NewStore's API: `{"vouchers": [{voucherId, name, discount, type, level}]}`."""
        if not isinstance(vouchers, list) or not all(self._is_voucher(it) for it in vouchers):
            raise Refused("expected vouchers of voucherId, name, discount, type Fixed or Percentage, and level Cart")
        with self._lock:
            codes = []
            for it in vouchers:
                code = f"{it['name'].upper()}-{secrets.token_hex(3).upper()}"
                self._coupons[code] = Coupon(
                    code, it["voucherId"], it["discount"], it["type"] == "Percentage", self._clock())
                codes.append(code)
            return codes

    def _is_voucher(self, it):
        return (isinstance(it, dict) and isinstance(it.get("voucherId"), str) and isinstance(it.get("name"), str)
                and type(it.get("discount")) in (int, float) and 0 < it["discount"] <= 1e6
                and it.get("type") in ("Fixed", "Percentage") and it.get("level") == "Cart")

    def apply(self, codes, cart):
        """The coupons of a link that came back are the cart's from now on: all of them, or the cart stays as it is."""
        with self._lock:
            if cart != self.cart_id:
                raise Refused("the link is for another cart")
            left = self.total
            for code in codes:
                coupon = self._coupons.get(code)
                if not coupon:
                    raise Refused(f"there is no coupon {code}")
                if code not in self.selected and self._clock() - coupon.made > COUPON_SECONDS:
                    raise Refused(f"the coupon {code} has expired: they live for 15 minutes")
                if coupon.cents(self.total) > left:
                    raise Refused(f"the coupon {code} is worth more than is left to pay")
                left -= coupon.cents(self.total)
            self.selected = list(dict.fromkeys(codes))

    def set_attributes(self, email, attributes):
        if not isinstance(email, str) or email not in self.attributes or not isinstance(attributes, dict):
            raise Refused("expected the email of a customer, and extended_attributes")
        self.attributes[email] |= {str(name): str(value) for name, value in attributes.items()}

    def order(self):
        """Places the order of the cart, and sends `order.opened`."""
        with self._lock:
            if not self.customer:
                raise Refused("an order needs a customer here")
            order = {"id": f"O-{secrets.token_hex(3).upper()}", "email": self.customer, "total": self.remaining,
                     "rewards": [self._coupons.pop(code).voucher for code in self.selected], "done": []}
            self.orders.append(order)
            self._new_cart()
        self._send(order, "order.opened", {
            "total": order["total"] / 100, "extended_attributes": {"rewards": ",".join(order["rewards"])}})

    def proceed(self, number, name):
        """Sends `order.completed`, or `return.processed` for all of the order."""
        order = next((it for it in self.orders if it["id"] == number), None)
        more = {"order.completed": {"total": order and order["total"] / 100},
                "return.processed": {"return_id": f"R-{number}", "refund": order and order["total"] / 100}}
        if not order or name not in more or name in order["done"]:
            raise Refused("expected an order that this has not happened to")
        self._send(order, name, more[name])

    def _send(self, order, name, more):
        order["done"].append(name)
        self.events.send(name, {"order_id": order["id"], "customer_email": order["email"], "currency": self.currency,
                                "idempotency_key": secrets.token_hex(8)} | more)


class Events:
    """The Event Stream: events are delivered once here, and again at the push of a button."""

    def __init__(self, url, key):
        self.url, self._key, self.sent = url, key, []

    def send(self, name, payload):
        moment = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
        event = {"tenant": "acme-staging", "name": name, "published_at": moment, "payload": payload}
        self.sent.append({"name": name, "order": payload["order_id"], "event": event, "answers": []})
        self.deliver(len(self.sent) - 1)

    def deliver(self, index, key=None):
        """@param key another than the right one is a forgery."""
        if not 0 <= index < len(self.sent):
            raise Refused("there is no such event")
        sent = self.sent[index]
        sent["answers"].append(("forged: " if key else "") + self._post(sent["event"], key or self._key))

    def _post(self, event, key):
        if not self.url:
            return "nobody to send it to"
        request = urllib.request.Request(self.url, json.dumps(event).encode(), {
            "Content-Type": "application/json", "X-API-Key": key})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return str(answer.status)
        except urllib.error.HTTPError as error:
            return str(error.code)
        except OSError as error:
            return f"no answer: {error}"
