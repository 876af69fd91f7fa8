"""A cell: some of the shop's people, and their visits in order of time.

At any moment some visits are open, more of them when it is busy; each event belongs to one of these, which moves on as
the funnel says. Nobody is in two visits at once. What is kept grows with the people and not with the events.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from itertools import accumulate
from random import Random

from producers.shop.diurnal import Slice
from producers.shop.event_ids import ID_BITS, event_id
from producers.shop.funnel import CHOICES, GUEST, MEMBER
from producers.shop.pages import LANDING_URLS, popular_product
from producers.shop.population import COUNTRIES, nature_of, person
from producers.shop.visit import DAY_MS, Channel, Visit
from producers.shop.visitors import MILLISECOND_US, Visitors
from schemas.event import ClickEvent

_SEARCH, _NEWS, _SOCIAL = "https://www.google.com/", "https://news.example/shopping", "https://social.example/feed"
_DIRECT = Channel(None, None)
# Each entry is as likely as another: for those who come for the first time, and for those who return.
_FIRST_CHANNELS = (
    *(_DIRECT,) * 3,
    *(Channel(_SEARCH, None),) * 6,
    *(Channel("https://www.bing.com/", None),) * 2,
    *(Channel(_SEARCH, "spring-sale"),) * 3,
    *(Channel(_SOCIAL, "spring-sale"),) * 3,
    *(Channel(_NEWS, None),) * 2,
    Channel(_SOCIAL, None),
)
_RETURN_CHANNELS = (
    *(_DIRECT,) * 11,
    *(Channel(None, "newsletter"),) * 3,
    *(Channel(_SEARCH, None),) * 3,
    *(Channel(_NEWS, "retargeting"),) * 2,
    Channel(_SOCIAL, None),
)
_ON_PRODUCT, _FIRST_DEVICE = 0.3, 0.75
# How often somebody else is looked for when it is night where one lives.
_TRIES = 8


class Cell:
    """Simulates its people; slices must be asked for in order.

    Args:
        visitors: of the whole shop.
        people: the numbers of those who belong to the cell.
        weights: how often each of them comes, in proportion.
        events: how many it makes in all.
        at_once: how many visits are open on the average.
        salt: of everybody's nature.
        rng: its own.
    """

    def __init__(
        self,
        visitors: Visitors,
        people: range,
        weights: array[float],
        events: int,
        at_once: float,
        salt: int,
        rng: Random,
    ) -> None:
        self.events = events
        self._people = people
        self._cumulative = array("d", accumulate(weights))
        self._at_once = at_once
        self._salt = salt
        self._random = rng
        self._first_day = visitors.start_ms // DAY_MS
        self._open: list[Visit] = []
        self._present: set[int] = set()
        self._visits = array("L", bytes(array("L").itemsize * len(people)))
        self._joined: dict[int, str] = {}

    def events_of(self, part: Slice) -> list[ClickEvent]:
        """Return the events of a slice in order of time."""
        start_ms, count = part.start_ms, part.count_of(self.events)
        step_ms = (part.end_ms - start_ms) / max(1, count)
        wanted = self._wanted(part)
        visits = self._open
        while count and len(visits) < wanted:
            visits.append(self._arrive(start_ms, part.presence))
        random, bits = self._random.random, self._random.getrandbits
        events: list[ClickEvent] = []
        for number in range(count):
            at_ms = start_ms + int((number + random()) * step_ms)
            place = int(random() * len(visits))
            while (step := visits[place].follow[int(random() * CHOICES)]) is None:
                self._leave(place, at_ms, wanted, part.presence)
                place = int(random() * len(visits))
            visit = visits[place]
            visit.follow = step.follow
            metadata = step.act(visit, random())
            events.append(
                ClickEvent(
                    event_id=event_id(at_ms, bits(ID_BITS)),
                    user_id=visit.user_id,
                    session_id=visit.session_id,
                    event_type=step.event_type,
                    event_timestamp_us=at_ms * MILLISECOND_US,
                    device_type=visit.device_type,
                    page_url=visit.page_url,
                    referrer_url=visit.referrer_url,
                    metadata=metadata,
                )
            )
        return events

    def _wanted(self, part: Slice) -> int:
        # With half of the people absent it is easy to find one who is.
        return max(1, min(round(self._at_once * part.rate), len(self._people) // 2))

    def _leave(self, place: int, at_ms: int, wanted: int, presence: tuple[float, ...]) -> None:
        """End a visit; another one takes its place unless fewer are wanted."""
        left = self._open[place]
        self._present.discard(left.place)
        if left.joined:
            self._joined[left.place] = left.joined
        if len(self._open) <= wanted:
            self._open[place] = self._arrive(at_ms, presence)
        else:
            self._open[place] = self._open[-1]
            self._open.pop()

    def _arrive(self, at_ms: int, presence: tuple[float, ...]) -> Visit:
        random = self._random.random
        place, nature = self._who(presence)
        self._present.add(place)
        self._visits[place] += 1
        who = person(self._people[place], nature, self._first_day)
        signup_date = who.signup_date or self._joined.get(place)
        visit_number = who.visits_before + self._visits[place]
        channels = _RETURN_CHANNELS if visit_number > 1 else _FIRST_CHANNELS
        product, landing = popular_product(random()), random()
        return Visit(
            place,
            who,
            signup_date,
            who.devices[random() >= _FIRST_DEVICE],
            visit_number,
            self._random.getrandbits(64),
            at_ms,
            channels[int(random() * len(channels))],
            product.url if landing < _ON_PRODUCT else LANDING_URLS[int(landing * len(LANDING_URLS))],
            product,
            MEMBER if signup_date else GUEST,
        )

    def _who(self, presence: tuple[float, ...]) -> tuple[int, int]:
        """Return place and nature of somebody who is not here, rather one for whom it is day."""
        random, cumulative = self._random.random, self._cumulative
        whole, last = cumulative[-1], len(cumulative) - 1
        place = nature = 0
        for _ in range(_TRIES):
            place = bisect_right(cumulative, random() * whole, 0, last)
            if place in self._present:
                continue
            nature = nature_of(self._people[place], self._salt)
            if random() < presence[nature % len(COUNTRIES)]:
                return place, nature
        while place in self._present:
            place = place + 1 if place < last else 0
        return place, nature_of(self._people[place], self._salt)
