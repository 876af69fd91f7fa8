"""A visit in progress, and what each step of it does: the page it leads to, and what the event says about it.

The metadata of an event are sorted by key, as a reader has them; those that are the same throughout a visit are made
once, and events share them: nobody may change them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from producers.shop.pages import CHECKOUT_URL, SEARCH_URLS, SIGNUP_URL, THANKS_URL, Product, popular_product
from producers.shop.population import Device, Person, day_text

Metadata = dict[str, str]
_ORDER_BITS = 48
DAY_MS = 24 * 3600 * 1000


class Step:
    """Something that visitors do.

    Attributes:
        event_type: how the event calls it.
        act: does it to the visit, with a uniform draw, and returns the event's metadata.
        follow: what comes next, each entry as likely as another; None is the end of the visit.
    """

    __slots__ = ("act", "event_type", "follow")

    def __init__(self, event_type: str, act: Callable[[Visit, float], Metadata]) -> None:
        self.event_type = event_type
        self.act = act
        self.follow: Follow = ()


Follow = tuple[Step | None, ...]


class Channel(NamedTuple):
    """How somebody came to the shop."""

    referrer_url: str | None
    campaign: str | None


class Visit:
    """One visit.

    Args:
        place: the visitor's place in the cell.
        who: the visitor.
        signup_date: of the visitor's account; None where there is none.
        visit_number: how many visits of that person there were so far, with this one.
        session_bits: 64 bits that no other visit has.
        arrived_ms: when it began.
        channel: how the visitor came here.
        landing_url: where to.
        product: what the visitor has in mind.

    Attributes:
        follow: what may come next.
        joined: the day of a sign-up within this visit.
    """

    __slots__ = (
        "_arrived_ms",
        "_cart_minor",
        "_currency",
        "_metadata",
        "_order_bits",
        "_product",
        "_with_product",
        "device_type",
        "follow",
        "joined",
        "page_url",
        "place",
        "referrer_url",
        "session_id",
        "user_id",
    )

    def __init__(
        self,
        place: int,
        who: Person,
        signup_date: str | None,
        device: Device,
        visit_number: int,
        session_bits: int,
        arrived_ms: int,
        channel: Channel,
        landing_url: str,
        product: Product,
        follow: Follow,
    ) -> None:
        self.place = place
        self.follow = follow
        self.joined: str | None = None
        self.user_id, country, *_ = who
        self.session_id = f"s-{session_bits:016x}"
        self.device_type, agent = device
        self.page_url = landing_url
        self.referrer_url, campaign = channel
        self._product = product
        self._cart_minor = 0
        self._currency = country.currency
        self._order_bits = session_bits
        self._arrived_ms = arrived_ms
        metadata = {"campaign": campaign, "country": country.code} if campaign else {"country": country.code}
        self._with_product = with_product = metadata.copy()
        with_product["product_id"] = ""
        if signup_date:
            metadata["signup_date"] = with_product["signup_date"] = signup_date
        metadata["user_agent"] = with_product["user_agent"] = agent
        metadata["visit_number"] = with_product["visit_number"] = str(visit_number)
        self._metadata = metadata

    def land(self, _draw: float) -> Metadata:
        """See the page that led here."""
        return self._metadata

    def view(self, draw: float) -> Metadata:
        """Go to a product's page."""
        self._product = product = popular_product(draw)
        self.referrer_url, self.page_url = self.page_url, product.url
        return self._about(product)

    def click(self, draw: float) -> Metadata:
        """Choose something on the page, which stays."""
        self._product = product = popular_product(draw)
        return self._about(product)

    def search(self, draw: float) -> Metadata:
        """Go to the results of a search."""
        self.referrer_url, self.page_url = self.page_url, SEARCH_URLS[int(draw * len(SEARCH_URLS))]
        return self._metadata

    def add_to_cart(self, _draw: float) -> Metadata:
        """Put the product that was seen last into the cart."""
        self._cart_minor += self._product.price_minor
        return self._about(self._product)

    def sign_up(self, _draw: float) -> Metadata:
        """Make an account; from now on events tell since when there is one."""
        self.joined = day_text(self._arrived_ms // DAY_MS)
        self._metadata = _sorted(self._metadata | {"signup_date": self.joined})
        self._with_product = _sorted(self._with_product | {"signup_date": self.joined})
        self.referrer_url, self.page_url = self.page_url, SIGNUP_URL
        return self._metadata

    def check_out(self, _draw: float) -> Metadata:
        """Go to where one pays."""
        self.referrer_url, self.page_url = self.page_url, CHECKOUT_URL
        return self._metadata

    def purchase(self, _draw: float) -> Metadata:
        """Pay what is in the cart, and empty it."""
        metadata = self._metadata | {
            "amount_minor": str(self._cart_minor),
            "currency": self._currency,
            "order_id": f"o-{self._order_bits & (1 << _ORDER_BITS) - 1:012x}",
        }
        self._order_bits += 1
        self._cart_minor = 0
        self.referrer_url, self.page_url = self.page_url, THANKS_URL
        return _sorted(metadata)

    def _about(self, product: Product) -> Metadata:
        metadata = self._with_product.copy()
        metadata["product_id"] = product.product_id
        return metadata


def _sorted(metadata: Metadata) -> Metadata:
    return dict(sorted(metadata.items()))
