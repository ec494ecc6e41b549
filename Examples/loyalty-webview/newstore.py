"""What this back end and NewStore say to each other: coupons, the customer's profile, and events.

The bodies are those of NewStore's pages on loyalty coupons and on the Event Stream. The paths, the profile's request and an
event's payload are the fake NewStore's: take yours from the API pages of your tenant.
"""
import hmac
import json
import urllib.request

from verification import OUTAGE, Unreachable


class NewStore:
    def __init__(self, address, key):
        self._address, self._key = address, key

    def make_coupons(self, vouchers):
        """One code for each, in their order. NewStore's loyalty coupons are good for 15 minutes, for the whole cart."""
        answer = self._post("/promotions/loyalty/coupons", {"vouchers": [self._voucher(*it) for it in vouchers.items()]})
        codes = answer.get("codes")
        if not isinstance(codes, list) or len(codes) != len(vouchers) or not all(isinstance(it, str) for it in codes):
            raise Unreachable
        return codes

    def _voucher(self, name, voucher):
        percent = voucher.reward.get("percent")
        return {"voucherId": name, "name": voucher.reward["id"].upper(), "level": "Cart",
                "type": "Percentage" if percent else "Fixed", "discount": percent or voucher.cents / 100}

    def set_attribute(self, email, name, value):
        """An extended attribute of the customer's profile."""
        self._post("/customers/attributes", {"email": email, "extended_attributes": {name: value}})

    def _post(self, path, body):
        request = urllib.request.Request(self._address + path, json.dumps(body).encode(), {
            "Content-Type": "application/json", "Authorization": f"Bearer {self._key}"})
        try:
            with urllib.request.urlopen(request, timeout=3) as answer:
                document = json.load(answer)
            if not isinstance(document, dict):
                raise ValueError("not NewStore's answer")
        except OUTAGE as error:
            raise Unreachable from error
        return document


def is_genuine(headers, key):
    """Whether an event comes from NewStore: it shows the API key that was given to the Event Stream's integration."""
    return hmac.compare_digest(headers.get("X-API-Key", "").encode(), key.encode())
