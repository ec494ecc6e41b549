"""Members, their points and rewards: what may be offered for a cart, and what becomes of it in an order.

Orders and coupons are facts, which events add to; points and rewards are computed from them. So an event that comes twice
changes nothing, and events may come in any order.
"""
import dataclasses
import secrets
import threading
import time

STORES = {"store-123": "Acme Zürich"}

# The first needs no points: it is given to a member, and used once. `products`: one of them has to be in the cart.
REWARDS = {reward["id"]: reward for reward in [
    {"id": "birthday", "title": "Birthday gift", "detail": "10 % off this purchase", "points": 0, "percent": 10},
    {"id": "ten", "title": "€10 off", "detail": "From €50, one per purchase", "points": 500, "cents": 1000,
     "currency": "EUR", "minimum": 5000},
    {"id": "alteration", "title": "Free alteration", "detail": "Trousers and jackets, ready in two days", "points": 350,
     "cents": 2500, "currency": "EUR", "products": {"1000071"}, "countries": {"CH", "DE"}},
    {"id": "wrap", "title": "Gift wrapping", "detail": "With a card", "points": 100, "cents": 500, "currency": "EUR"},
    {"id": "fifty", "title": "€50 off", "detail": "From €90, one per purchase", "points": 2200, "cents": 5000,
     "currency": "EUR", "minimum": 9000},
]}
# What a point pays off a cart, and what a purchase earns.
POINTS_PER_UNIT = 100
POINTS_EARNED_PER_UNIT = 1
WELCOME_POINTS = 200
# NewStore's loyalty coupons live for 15 minutes, and its events take up to 15 more.
HELD_SECONDS = 30 * 60


class Changed(Exception):
    """The cart, the points or the rewards are no longer what the page showed."""


class Invalid(Exception):
    """Not what the page sends."""


def text(raw, name):
    value = raw.get(name)
    if value is not None and not (isinstance(value, str) and len(value) <= 320):
        raise Invalid
    return value or None


def texts(raw, name):
    """A list of strings; an absent one is empty."""
    values = raw.get(name) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise Invalid
    return values


def cents(raw, name):
    """An amount as NewStore sends it, 103.44, in cents; None if it is absent."""
    value = raw.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1e9:
        raise Invalid
    return round(value * 100)


@dataclasses.dataclass
class Cart:
    """What the app says of the cart, unsigned. None is what it did not say."""
    id: str | None
    email: str | None
    currency: str | None
    country: str | None
    store: str | None
    remaining: int | None
    total: int | None
    coupons: list[str]
    products: set[str]

    @classmethod
    def read(cls, question):
        cart, store = question.get("cart") or {}, question.get("store") or {}
        items = (cart.get("items") or []) if isinstance(cart, dict) else None
        if not isinstance(store, dict) or not isinstance(items, list) or not all(isinstance(it, dict) for it in items):
            raise Invalid
        remaining = cents(cart, "remainingAmount")
        total = cents(cart, "grandTotal")
        return cls(
            text(cart, "cartId"), text(cart, "customerEmail"), text(cart, "currency"), text(store, "countryCode"),
            text(store, "storeId"), remaining, remaining if total is None else total,
            list(dict.fromkeys(texts(cart, "selectedCoupons"))), {text(item, "productId") for item in items})

    def fits(self, reward):
        """Whether a reward is for this cart, as far as the app has told."""
        return (self.currency in (None, reward.get("currency", self.currency))
                and (self.total is None or self.total >= reward.get("minimum", 0))
                and (self.country is None or self.country in reward.get("countries", {self.country}))
                and ("products" not in reward or bool(self.products & reward["products"])))

    def worth(self, reward):
        """In cents, on this cart."""
        return reward["cents"] if "cents" in reward else (self.total or 0) * reward["percent"] // 100


@dataclasses.dataclass
class Voucher:
    """A reward that was turned into a coupon of NewStore. It holds its points until it is known what became of it."""
    reward: dict
    points: int
    cents: int
    cart: str | None
    made: float
    code: str | None = None
    is_released: bool = False


@dataclasses.dataclass
class Order:
    total: int | None = None
    is_completed: bool = False
    vouchers: set[str] = dataclasses.field(default_factory=set)
    refunds: dict[str, int] = dataclasses.field(default_factory=dict)

    @property
    def refunded(self):
        return sum(self.refunds.values())

    @property
    def is_returned(self):
        return self.total is not None and bool(self.refunds) and self.refunded >= self.total

    @property
    def earned(self):
        paid = max((self.total or 0) - self.refunded, 0) if self.is_completed else 0
        return paid // 100 * POINTS_EARNED_PER_UNIT


class Member:
    def __init__(self, name, points, tier, given=()):
        self.name, self.tier, self.given, self._points = name, tier, set(given), points
        self.vouchers: dict[str, Voucher] = {}
        self.orders: dict[str, Order] = {}

    def order_of(self, name):
        return next((order for order in self.orders.values() if name in order.vouchers), None)

    def held(self, now):
        """Vouchers whose points and rewards are spent, or may yet be."""
        for name, voucher in self.vouchers.items():
            order = self.order_of(name)
            if not order.is_returned if order else not voucher.is_released and now - voucher.made < HELD_SECONDS:
                yield voucher

    def settle(self, cart, codes):
        """Holds the vouchers of a cart exactly if it has their coupons, unless an order used them. Returns how they were."""
        before = [(it, it.is_released) for name, it in self.vouchers.items() if it.cart == cart and not self.order_of(name)]
        for voucher, _ in before:
            voucher.is_released = voucher.code not in codes
        return before

    def points(self, now):
        earned = sum(order.earned for order in self.orders.values())
        return self._points + earned - sum(voucher.points for voucher in self.held(now))

    def may_choose(self, now):
        """Rewards for points, and those that were given and are not used."""
        used = {voucher.reward["id"] for voucher in self.held(now)}
        return [it for it in REWARDS.values() if it["points"] or it["id"] in self.given - used]


class Loyalty:
    """One lock, held for no network. The members are those of this process."""

    def __init__(self, newstore, clock=time.time):
        self._newstore, self._clock, self._lock = newstore, clock, threading.Lock()
        self._members = {"emma.larsen@example.com": Member("Emma Larsen", 1240, "Gold", ["birthday"])}

    def offer(self, cart):
        """What the page shows."""
        with self._lock:
            now, member = self._clock(), self._members.get(cart.email)
            answer = {"store": STORES.get(cart.store), "member": None, "rewards": [], "applied": []}
            if member:
                member.settle(cart.id, cart.coupons)
                answer["member"] = {"name": member.name, "points": member.points(now), "tier": member.tier}
                answer["rewards"] = [
                    {name: it[name] for name in ("id", "title", "detail", "points")} | {"cents": cart.worth(it)}
                    for it in member.may_choose(now) if cart.fits(it)]
                answer["applied"] = [self._applied(member, code) for code in cart.coupons]
                answer["pointsPerUnit"] = POINTS_PER_UNIT
            return answer

    def join(self, cart, name):
        """Makes the customer a member, and writes the member's number to the profile at NewStore."""
        if not cart.email or not name:
            raise Invalid
        number = f"ACME-{secrets.token_hex(4).upper()}"
        with self._lock:
            if cart.email in self._members:
                return
        self._newstore.set_attribute(cart.email, "loyalty_id", number)
        with self._lock:
            self._members.setdefault(cart.email, Member(name, WELCOME_POINTS, "New"))

    def redeem(self, cart, chosen, points, kept):
        """The codes for the cart: those that it keeps, in their order, then new ones. Its other vouchers are released."""
        kept = [code for code in cart.coupons if code in kept]
        made, before = self._hold(cart, chosen, points, kept)
        try:
            codes = self._newstore.make_coupons(made) if made else []
        except Exception:
            with self._lock:
                self._take_back(made, before)
            raise
        with self._lock:
            for voucher, code in zip(made.values(), codes):
                voucher.code = code
        return kept + codes

    def _hold(self, cart, chosen, points, kept):
        with self._lock:
            now, member = self._clock(), self._members.get(cart.email)
            if not member or points < 0 or points % POINTS_PER_UNIT or len(set(chosen)) != len(chosen):
                raise Changed
            before = member.settle(cart.id, kept)
            try:
                made = {secrets.token_hex(8): it for it in self._vouchers(member, cart, chosen, points, now)}
                freed = sum(it.cents for it, _ in before if it.is_released and it.code in cart.coupons)
                if cart.remaining is not None and sum(it.cents for it in made.values()) > cart.remaining + freed:
                    raise Changed
                if sum(it.points for it in made.values()) > member.points(now):
                    raise Changed
            except Changed:
                self._take_back({}, before)
                raise
            member.vouchers |= made
            return made, before

    def _take_back(self, made, before):
        for voucher in made.values():
            voucher.is_released = True
        for voucher, was_released in before:
            voucher.is_released = was_released

    def _vouchers(self, member, cart, chosen, points, now):
        offered = {it["id"]: it for it in member.may_choose(now) if cart.fits(it)}
        if not offered.keys() >= set(chosen):
            raise Changed
        for name in chosen:
            yield Voucher(offered[name], offered[name]["points"], cart.worth(offered[name]), cart.id, now)
        if points:
            reward = {"id": "points", "title": f"{points} points"}
            yield Voucher(reward, points, points * 100 // POINTS_PER_UNIT, cart.id, now)

    def _applied(self, member, code):
        voucher = next((it for it in member.vouchers.values() if it.code == code), None)
        return {"code": code, "title": voucher.reward["title"] if voucher else code, "cents": voucher.cents if voucher else 0}

    def note(self, event):
        """What an event of NewStore adds to what is known; None if nothing."""
        payload = event.get("payload")
        if not isinstance(payload, dict):
            raise Invalid
        email, order, name = text(payload, "customer_email"), text(payload, "order_id"), event.get("name")
        if name not in ("order.opened", "order.completed", "return.processed"):
            return None
        if not email or not order:
            raise Invalid
        with self._lock:
            member = self._members.get(email)
            if not member:
                return None
            known = member.orders.get(order, Order())
            fact = self._fact(name, known, payload)
            member.orders[order] = fact
            return None if fact == known else f"{name}: {member.points(self._clock())} points"

    def _fact(self, name, order, payload):
        total = cents(payload, "total")
        if name == "return.processed":
            number, amount = text(payload, "return_id"), cents(payload, "refund")
            if not number or amount is None:
                raise Invalid
            return dataclasses.replace(order, refunds=order.refunds | {number: amount})
        if total is None:
            raise Invalid
        if name == "order.completed":
            return dataclasses.replace(order, total=total, is_completed=True)
        attributes = payload.get("extended_attributes")
        if not isinstance(attributes, dict):
            raise Invalid
        return dataclasses.replace(order, total=total, vouchers=set((text(attributes, "rewards") or "").split(",")) - {""})
