"""The hours that are kept for proving a deployment: real traffic has none, so what happens in them can be taken back.

An event of such an hour goes through everything as others do, with two exceptions. It is as if it had just happened
when it arrives, so that it is alerted however long ago these hours are; and where its hour is taken back, that does not
hold up the instant through which everything is published.
"""

from __future__ import annotations

from schemas.instants import parse_instant_us

# The second half of a year long gone, but not its beginning, from where clocks count that lost their battery.
FIRST_US = parse_instant_us("2000-07-01T00:00:00Z")
END_US = parse_instant_us("2001-01-01T00:00:00Z")


def is_proving(instant_us: int) -> bool:
    """Say whether an event that happened then is there to prove a deployment."""
    return FIRST_US <= instant_us < END_US


def age_us(event_us: int, arrival_us: int) -> int:
    """Return how long ago an event happened when it arrived, as the limit of age for alerts counts it."""
    return 0 if is_proving(event_us) else arrival_us - event_us
