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
        "_head",
        "_order_bits",
        "_product",
        "_tail",
        "constant",
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
        code, number = country.code, str(visit_number)
        self._head = {"campaign": campaign, "country": code} if campaign else {"country": code}
        self._tail = {"user_agent": agent, "visit_number": number}
        if signup_date:
            self._tail = {"signup_date": signup_date, "user_agent": agent, "visit_number": number}
        self.constant = {**self._head, **self._tail}

    def land(self, _draw: float) -> Metadata:
        """See the page that led here."""
        return self.constant

    def view(self, draw: float) -> Metadata:
        """Go to a product's page."""
        self._product = product = popular_product(draw)
        self.referrer_url, self.page_url = self.page_url, product.url
        return {**self._head, "product_id": product.product_id, **self._tail}

    def click(self, draw: float) -> Metadata:
        """Choose something on the page, which stays."""
        self._product = product = popular_product(draw)
        return {**self._head, "product_id": product.product_id, **self._tail}

    def search(self, draw: float) -> Metadata:
        """Go to the results of a search."""
        self.referrer_url, self.page_url = self.page_url, SEARCH_URLS[int(draw * len(SEARCH_URLS))]
        return self.constant

    def add_to_cart(self, _draw: float) -> Metadata:
        """Put the product that was seen last into the cart."""
        self._cart_minor += self._product.price_minor
        return {**self._head, "product_id": self._product.product_id, **self._tail}

    def sign_up(self, _draw: float) -> Metadata:
        """Make an account; from now on events tell since when there is one."""
        self.joined = day_text(self._arrived_ms // DAY_MS)
        self._tail = {"signup_date": self.joined, **self._tail}
        self.constant = {**self._head, **self._tail}
        self.referrer_url, self.page_url = self.page_url, SIGNUP_URL
        return self.constant

    def check_out(self, _draw: float) -> Metadata:
        """Go to where one pays."""
        self.referrer_url, self.page_url = self.page_url, CHECKOUT_URL
        return self.constant

    def purchase(self, _draw: float) -> Metadata:
        """Pay what is in the cart, and empty it."""
        metadata = {
            "amount_minor": str(self._cart_minor),
            **self._head,
            "currency": self._currency,
            "order_id": f"o-{self._order_bits & (1 << _ORDER_BITS) - 1:012x}",
            **self._tail,
        }
        self._order_bits += 1
        self._cart_minor = 0
        self.referrer_url, self.page_url = self.page_url, THANKS_URL
        return metadata
