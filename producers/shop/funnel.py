"""What a visitor does next, given what they did last.

A table of percentages for those who have an account. Who has none signs up in place of the first checkout, and goes on
as all others. The table is calibrated so that 3 % of all events are purchases, with those of crawlers counted.
"""

from __future__ import annotations

from collections.abc import Mapping

from producers.shop.visit import Follow, Step, Visit
from schemas.event import PURCHASE

ARRIVE, LEAVE = "arrive", "leave"
_LANDING, _CHECKOUT, _SIGNUP = "landing", "checkout", "signup"
FUNNEL: Mapping[str, Mapping[str, int]] = {
    ARRIVE: {_LANDING: 84, "search": 16},
    _LANDING: {"page_view": 56, "click": 10, "search": 12, LEAVE: 22},
    "page_view": {"page_view": 41, "click": 13, "search": 7, "add_to_cart": 18, LEAVE: 21},
    "click": {"page_view": 58, "click": 10, "add_to_cart": 16, LEAVE: 16},
    "search": {"page_view": 70, "search": 10, "click": 10, LEAVE: 10},
    "add_to_cart": {"page_view": 35, _CHECKOUT: 50, LEAVE: 15},
    _SIGNUP: {_CHECKOUT: 92, LEAVE: 8},
    _CHECKOUT: {PURCHASE: 68, "page_view": 9, LEAVE: 23},
    PURCHASE: {"page_view": 25, LEAVE: 75},
}
# The landing is a view of the page that led here.
_ACTS = {
    _LANDING: ("page_view", Visit.land),
    "page_view": ("page_view", Visit.view),
    "click": ("click", Visit.click),
    "search": ("search", Visit.search),
    "add_to_cart": ("add_to_cart", Visit.add_to_cart),
    _SIGNUP: (_SIGNUP, Visit.sign_up),
    _CHECKOUT: (_CHECKOUT, Visit.check_out),
    PURCHASE: (PURCHASE, Visit.purchase),
}
# How many entries a `Follow` of the funnel has.
CHOICES = 100


def _arrivals() -> tuple[Follow, Follow]:
    """Return how visits begin of those who have an account, and of those who have none."""
    members, guests = ({name: Step(*act) for name, act in _ACTS.items()} for _ in range(2))
    guests |= {_SIGNUP: members[_SIGNUP], _CHECKOUT: members[_SIGNUP]}
    for steps in (guests, members):
        for name, step in steps.items():
            step.follow = _follow(name, steps)
    return _follow(ARRIVE, members), _follow(ARRIVE, guests)


def _follow(name: str, steps: Mapping[str, Step]) -> Follow:
    row = FUNNEL[name]
    if sum(row.values()) != CHOICES:
        raise ValueError(f"the percentages after {name} add up to {sum(row.values())}")
    return tuple(steps.get(after) for after, percent in row.items() for _ in range(percent))


MEMBER, GUEST = _arrivals()
