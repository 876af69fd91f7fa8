"""Machines that read the shop: page after page of the catalogue, quickly, by day and night, and they buy nothing.

Some say in their user agent what they are, others pass for a browser. Each comes under an id of its own, since
machines keep no cookies.
"""

from __future__ import annotations

import heapq
from random import Random

from producers.shop.diurnal import Slice
from producers.shop.event_ids import ID_BITS, event_id
from producers.shop.pages import CATALOGUE, PRODUCTS
from producers.shop.population import COUNTRIES, user_id
from producers.shop.visitors import MILLISECOND_US, Visitors
from schemas.event import ClickEvent

AGENTS = (
    "Googlebot/2.1",
    "Googlebot/2.1",
    "bingbot/2.0",
    "AhrefsBot/7.0",
    "python-requests/2.32.5",
    "HeadlessChrome/142.0",
    "Chrome/142.0",
    "Firefox/145.0",
)
FEWEST_PAGES, MOST_PAGES = 20, 80
_SLOWEST_MS = 1500


class _Crawl:
    __slots__ = ("left", "metadata", "pace_ms", "page", "session_id", "user_id")

    def __init__(self, rng: Random, user: str, pages: int, slowest_ms: int) -> None:
        self.left = pages
        self.pace_ms = int(rng.uniform(0.2, 1) * slowest_ms)
        self.user_id = user
        self.session_id = f"s-{rng.getrandbits(64):016x}"
        self.page = rng.randrange(PRODUCTS)
        self.metadata = {"country": rng.choice(COUNTRIES).code, "user_agent": rng.choice(AGENTS), "visit_number": "1"}


class Crawlers:
    """All crawlers of a simulation; slices must be asked for in order.

    Args:
        events: how many they make in all.
        rng: their own.
    """

    def __init__(self, visitors: Visitors, events: int, rng: Random) -> None:
        self.events = events
        self._random = rng
        self._next_user = visitors.users
        self._start_ms = visitors.start_ms
        span_ms = visitors.end_ms - visitors.start_ms
        # Even the longest crawl that begins last ends within the span.
        self._slowest_ms = min(_SLOWEST_MS, span_ms // (2 * MOST_PAGES))
        self._begin_within_ms = span_ms - self._slowest_ms * MOST_PAGES
        self._begun = 0
        self._open: list[tuple[int, int, _Crawl]] = []
        self._waiting = self._begin()

    def events_of(self, part: Slice) -> list[ClickEvent]:
        """Return the events of a slice in order of time."""
        while self._waiting is not None and self._waiting[0] < part.end_ms:
            heapq.heappush(self._open, self._waiting)
            self._waiting = self._begin()
        events: list[ClickEvent] = []
        while self._open and self._open[0][0] < part.end_ms:
            at_ms, number, crawl = self._open[0]
            events.append(self._view(at_ms, crawl))
            crawl.left -= 1
            if crawl.left:
                heapq.heapreplace(self._open, (at_ms + crawl.pace_ms, number, crawl))
            else:
                heapq.heappop(self._open)
        return events

    def _begin(self) -> tuple[int, int, _Crawl] | None:
        """Return the next crawl with its first instant and its user's number, or None after the last."""
        if self._begun == self.events:
            return None
        pages = min(self._random.randint(FEWEST_PAGES, MOST_PAGES), self.events - self._begun)
        place = self._begun + pages * self._random.random()
        at_ms = self._start_ms + int(self._begin_within_ms * place / self.events)
        self._begun += pages
        number, self._next_user = self._next_user, self._next_user + 1
        return at_ms, number, _Crawl(self._random, user_id(number), pages, self._slowest_ms)

    def _view(self, at_ms: int, crawl: _Crawl) -> ClickEvent:
        product = CATALOGUE[crawl.page]
        crawl.page = (crawl.page + 1) % PRODUCTS
        country, agent, visit = crawl.metadata.items()
        return ClickEvent(
            event_id=event_id(at_ms, self._random.getrandbits(ID_BITS)),
            user_id=crawl.user_id,
            session_id=crawl.session_id,
            event_type="page_view",
            event_timestamp_us=at_ms * MILLISECOND_US,
            device_type="desktop",
            page_url=product.url,
            metadata=dict((country, ("product_id", product.product_id), agent, visit)),
        )
