"""Simulated visits to a shop: who comes, what they look at, and what they buy.

Pure and deterministic: the same random generator state and arguments give the same events. At any moment a pool of
visits is open; each event belongs to one of them, which then moves on as the funnel table says. Events come in order of
time and are spread evenly over the span. It decides no faults (see `faults`) and no pace (see `schedules`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from random import Random
from typing import NamedTuple

from schemas.errors import ConfigError
from schemas.event import PURCHASE, ClickEvent
from schemas.instants import SECOND_US

_LEAVE = "leave"
_ARRIVE = "arrive"
# From what a visitor did last to what comes next, in percent; calibrated so that 3 % of events are purchases.
_FUNNEL: dict[str, dict[str, int]] = {
    _ARRIVE: {"page_view": 80, "search": 16, "signup": 4},
    "signup": {"page_view": 100},
    "page_view": {"page_view": 40, "click": 14, "search": 8, "add_to_cart": 13, _LEAVE: 25},
    "click": {"page_view": 60, "click": 10, "add_to_cart": 12, _LEAVE: 18},
    "search": {"page_view": 70, "search": 10, "click": 10, _LEAVE: 10},
    "add_to_cart": {"page_view": 38, "checkout": 47, _LEAVE: 15},
    "checkout": {PURCHASE: 66, "page_view": 10, _LEAVE: 24},
    PURCHASE: {"page_view": 25, _LEAVE: 75},
}
# How long a visitor takes from one event to the next, about; decides how many visits are open at once.
_THINK_S = 30
_PRODUCTS = 400
_SHOP = "https://shop.example"
_LANDING_PAGES = ("/", "/", "/sale", "/new", "/category/shoes", "/category/bags", "/category/home")
_REFERRERS = (
    None,
    None,
    "https://www.google.com/",
    "https://www.bing.com/",
    "https://news.example/shopping",
    "https://social.example/feed",
)
_CAMPAIGNS = (None, None, None, "spring-sale", "newsletter", "retargeting")
_DEVICES = ("mobile", "mobile", "mobile", "desktop", "desktop", "tablet")
_COUNTRIES = (
    *(("US", "USD"),) * 6,
    *(("DE", "EUR"),) * 4,
    *(("GB", "GBP"),) * 3,
    *(("FR", "EUR"),) * 3,
    *(("IN", "INR"),) * 3,
    *(("BR", "BRL"),) * 2,
    *(("JP", "JPY"),) * 2,
    ("NL", "EUR"),
    ("SE", "SEK"),
)
_FIRST_SIGNUP = date(2023, 1, 1)
_SIGNUP_DAYS = 1000
_WORD = (1 << 64) - 1


class Draw(NamedTuple):
    """Choices with cumulative weights."""

    choices: Sequence[str]
    cumulative: Sequence[float]

    def pick(self, uniform: float) -> str:
        """Return the choice for a uniform draw from [0, 1)."""
        return self.choices[bisect_left(self.cumulative, uniform * self.cumulative[-1])]


_NEXT = {state: Draw(tuple(row), tuple(accumulate(row.values()))) for state, row in _FUNNEL.items()}


@dataclass(frozen=True, slots=True)
class Visitors:
    """How much happens: so many events by so many users in a span that ends just before `end_us`."""

    events: int
    users: int
    end_us: int
    span_us: int

    def __post_init__(self) -> None:
        faults = [
            f"{name} is {value}, it must be at least {least}"
            for name, value, least in (
                ("events", self.events, 0),
                ("users", self.users, 1),
                ("span_us", self.span_us, 1),
            )
            if value < least
        ]
        if faults:
            raise ConfigError(faults)


@dataclass(slots=True)
class _Visit:
    user_id: str
    session_id: str
    device: str
    traits: dict[str, str]
    currency: str
    page: str
    referrer: str | None
    state: str = _ARRIVE
    product: int = 0
    cart_minor: int = 0


def simulate(rng: Random, visitors: Visitors) -> Iterator[ClickEvent]:
    """Yield the events in order of time."""
    salt = rng.getrandbits(64)
    users = _zipf(visitors.users)
    products = _zipf(_PRODUCTS)
    random = rng.random
    at_once = max(1, min(visitors.users, visitors.events * _THINK_S * SECOND_US // visitors.span_us))
    pool = [_arrive(rng, users, salt) for _ in range(at_once)]
    start_us = visitors.end_us - visitors.span_us
    step_us = visitors.span_us / max(1, visitors.events)
    for count in range(visitors.events):
        place = int(random() * at_once)
        visit = pool[place]
        doing = _NEXT[visit.state].pick(random())
        if doing == _LEAVE:
            visit = pool[place] = _arrive(rng, users, salt)
            doing = _NEXT[_ARRIVE].pick(random())
        visit.state = doing
        event_us = start_us + int((count + random()) * step_us)
        yield _event(rng, visit, doing, event_us, products)


def _event(rng: Random, visit: _Visit, doing: str, event_us: int, products: Sequence[float]) -> ClickEvent:
    metadata = dict(visit.traits)
    referrer = visit.referrer
    if doing == "page_view" or doing == "click":
        visit.product = bisect_left(products, rng.random() * products[-1])
        visit.referrer, visit.page = visit.page, f"{_SHOP}/product/{visit.product}"
        metadata["product_id"] = str(visit.product)
    elif doing == "search":
        visit.referrer, visit.page = visit.page, f"{_SHOP}/search?q=item+{int(rng.random() * 50)}"
    elif doing == "add_to_cart":
        visit.cart_minor += _price_minor(visit.product)
        metadata["product_id"] = str(visit.product)
    elif doing == "checkout":
        visit.referrer, visit.page = visit.page, f"{_SHOP}/checkout"
    elif doing == PURCHASE:
        metadata["order_id"] = f"o-{rng.getrandbits(48):012x}"
        metadata["amount_minor"] = str(visit.cart_minor)
        metadata["currency"] = visit.currency
        visit.referrer, visit.page = visit.page, f"{_SHOP}/thank-you"
        visit.cart_minor = 0
    return ClickEvent(
        event_id=event_id(event_us, rng.getrandbits(74)),
        user_id=visit.user_id,
        session_id=visit.session_id,
        event_type=doing,
        event_timestamp_us=event_us,
        device_type=visit.device,
        page_url=visit.page,
        referrer_url=referrer,
        metadata=metadata,
    )


def event_id(event_us: int, bits: int) -> str:
    """Return a UUID of version 7 made of an instant and 74 bits.

    Source: RFC 9562, section 5.7.
    """
    text = f"{event_us // 1000:012x}7{bits >> 62:03x}{bits & (1 << 62) - 1 | 1 << 63:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _arrive(rng: Random, users: Sequence[float], salt: int) -> _Visit:
    user = bisect_left(users, rng.random() * users[-1])
    # What a user is like follows from the number, so no table of users is kept.
    nature = (user + 1) * 0x9E3779B97F4A7C15 + salt & _WORD
    nature ^= nature >> 29
    country, currency = _COUNTRIES[nature % len(_COUNTRIES)]
    signup = _FIRST_SIGNUP + timedelta(days=nature // 64 % _SIGNUP_DAYS)
    traits = {"country": country, "signup_date": signup.isoformat()}
    drawn = rng.getrandbits(64)
    campaign = _CAMPAIGNS[drawn % len(_CAMPAIGNS)]
    if campaign:
        traits["campaign"] = campaign
    # Most visits come from the user's own device.
    device = _DEVICES[(drawn >> 8 if drawn % 7 == 0 else nature) % len(_DEVICES)]
    return _Visit(
        user_id=f"u{user:06d}",
        session_id=f"s-{drawn:016x}",
        device=device,
        traits=traits,
        currency=currency,
        page=_SHOP + _LANDING_PAGES[(drawn >> 16) % len(_LANDING_PAGES)],
        referrer=_REFERRERS[(drawn >> 24) % len(_REFERRERS)],
    )


def _price_minor(product: int) -> int:
    return 499 + product * 7919 % 20_000


def _zipf(count: int) -> list[float]:
    """Return cumulative weights: the n-th most popular is chosen 1/n as often as the first."""
    return list(accumulate(1 / rank for rank in range(1, count + 1)))
