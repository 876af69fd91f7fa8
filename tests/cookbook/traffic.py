"""Raw objects as a shop's clients leave them within a month: late, repeated, broken, contradictory.

The same on every call. What analysts stumble over is in it: users who move, orders told twice, amounts that are none,
sessions without a step of the funnel, campaigns in the address.
"""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Iterator
from random import Random
from uuid import UUID
from zlib import crc32

import msgspec

from producers.shop.simulation import simulate
from producers.shop.visitors import Visitors
from producers.shop.wire import SchemaMix, version_of, wire_of
from schemas.codec import encode
from schemas.event import ClickEvent
from schemas.instants import HOUR_US, format_instant_us, hour_floor_us, parse_instant_us
from schemas.lake import RAW_PREFIX, firehose_object, hour_folder

# Raw objects by key, and the keys in the order of the runs that find them.
Objects = dict[str, bytes]
Runs = list[list[str]]
STREAM = "clickstream"
# End of a span, its hours, and its events. The week of the 24th is the busiest, and the 24th its busiest day.
_SPANS = (
    ("2026-10-28T13:00:00Z", 1, 500),
    ("2026-11-03T12:00:00Z", 2, 900),
    ("2026-11-10T14:00:00Z", 2, 900),
    ("2026-11-17T14:00:00Z", 2, 900),
    ("2026-11-22T20:00:00Z", 1, 500),
    ("2026-11-23T20:00:00Z", 2, 900),
    ("2026-11-24T13:00:00Z", 7, 6400),
    ("2026-11-25T01:00:00Z", 1, 500),
)
_USERS = 700
_CRAWLERS = 0.02
_MOVE_US = parse_instant_us("2026-11-24T09:00:00Z")
_REPEATED_HOUR = parse_instant_us("2026-11-24T07:00:00Z")
_LATE_HOUR = parse_instant_us("2026-11-24T10:00:00Z")
_SECOND_RUN_US = parse_instant_us("2026-11-24T09:00:00Z")
_LATE_US = 3 * HOUR_US
_MIX = SchemaMix(old=0.05, new=0.05)
_ODD_MONEY: tuple[dict[str, str], ...] = (
    {"amount_minor": "12.50"},
    {"currency": "-"},
    {"currency": "KWD"},
    {"amount_minor": "-"},
    {"amount_minor": "1e3"},
)
_COUNTRIES = ("DE", "FR", "US", "GB", "JP", "")
BROKEN = (
    b"{broken",
    b"[1]",
    b'{"event_id":"x","session_id":"s","event_type":"click","event_timestamp":"2026-11-24T08:00:00Z"}',
    b'{"event_id":"x","user_id":"","session_id":"s","event_type":"click","event_timestamp":"2026-11-24T08:00:00Z"}',
    b'{"event_id":"x","user_id":[1],"session_id":"s","event_type":"click","event_timestamp":"2026-11-24T08:00:00Z"}',
    b'{"event_id":"x","user_id":"u","session_id":"s","event_type":"click","event_timestamp":"yesterday"}',
    b'{"event_id":"x","user_id":"u","session_id":"s","event_type":"click","event_timestamp":"1999-11-24T08:00:00Z"}',
    b'{"event_id":"\xff","user_id":"u","session_id":"s","event_type":"click","event_timestamp":"2026-11-24T08:00:00Z"}',
)


def raw_objects() -> tuple[Objects, Runs]:
    """Return the objects, and which of them each of three runs finds first."""
    rng = Random(5)
    lines: dict[tuple[int, bool], list[bytes]] = defaultdict(list)  # hour of arrival, came by itself -> lines
    for event in _events():
        data = wire_of(event, version_of(event.session_id, _MIX)).data
        hour = hour_floor_us(event.event_timestamp_us)
        is_late = rng.random() < (0.3 if hour == _LATE_HOUR else 0.04)
        lines[hour + _LATE_US if is_late else hour, is_late].append(data)
        if rng.random() < 0.05:
            lines[hour, False].append(data)
        if hour == _REPEATED_HOUR and rng.random() < 0.3:
            lines[hour + HOUR_US, True].append(data)
        if rng.random() < 0.01:
            other = msgspec.structs.replace(event, page_url="https://shop.example/edited")
            lines[hour + rng.choice((0, _LATE_US)), True].append(encode(other))
    objects: Objects = {}
    runs: Runs = [[], [], []]
    for (hour, is_dropped), some in sorted(lines.items()):
        some += rng.choices(BROKEN, k=len(some) // 60) + [b""] * rng.randrange(2)
        rng.shuffle(some)
        name = f"{hour_folder(hour)}partner-{rng.randrange(1000)}" if is_dropped else _delivered(hour, rng)
        key = f"{RAW_PREFIX}{name}.json.gz"
        objects[key] = gzip.compress(b"\n".join(some) + b"\n", mtime=0)
        runs[2 if is_dropped else int(hour >= _SECOND_RUN_US)].append(key)
    return objects, runs


def _delivered(hour: int, rng: Random) -> str:
    return firehose_object(STREAM, hour + rng.randrange(HOUR_US), str(UUID(int=rng.getrandbits(128))))


def _events() -> Iterator[ClickEvent]:
    for number, (end, hours, count) in enumerate(_SPANS):
        visitors = Visitors(count, _USERS, parse_instant_us(end), hours * HOUR_US, crawlers=_CRAWLERS)
        seen: set[str] = set()
        for event in simulate(visitors, seed=number):
            is_first = event.session_id not in seen
            seen.add(event.session_id)
            yield from _as_lived(event, is_first)


def _as_lived(event: ClickEvent, is_first: bool) -> Iterator[ClickEvent]:
    """Yield an event as this traffic has it, or none, or an order twice."""
    user, session = (crc32(text.encode()) for text in (event.user_id, event.session_id))
    if (session % 10 == 0 and event.event_type == "add_to_cart") or (
        session % 12 == 1 and event.event_type == "checkout"
    ):
        return
    metadata = event.metadata | _country(user, event.event_timestamp_us)
    page = event.page_url
    if is_first and page and session % 9 < 2:
        query = ("utm_medium=email&utm_campaign=winter%20sale", "utm_medium=cpc&utm_campaign=brand+words")[session % 9]
        page += f"{'&' if '?' in page else '?'}{query}"
        metadata.pop("campaign", None)
    if event.event_type == "search" and page and session % 4 == 0:
        page = page.replace("q=item", "q=Item")
    if event.event_type == "purchase":
        metadata |= _money(session)
    lived = msgspec.structs.replace(
        event,
        page_url=None if session % 41 == 0 else page,
        device_type=None if session % 23 == 0 else event.device_type,
        metadata=dict(sorted((name, value) for name, value in metadata.items() if value != "-")),
        # Some clocks tell microseconds.
        event_timestamp_us=event.event_timestamp_us + (session % 1000 if session % 3 == 0 else 0),
    )
    yield lived
    if event.event_type == "purchase" and session % 8 == 3:
        at_us = lived.event_timestamp_us + 1_500_000
        again = f"again-{event.event_id}-{format_instant_us(at_us)}"
        yield msgspec.structs.replace(lived, event_id=again, event_timestamp_us=at_us)


def _country(user: int, at_us: int) -> dict[str, str]:
    """Return what an event says of the country: some users move, some never tell, `-` is not telling this time."""
    if user % 13 == 0 or (user % 5 == 0 and at_us // 1000 % 2):
        return {"country": "-"}
    moved = user % 4 == 0 and at_us >= _MOVE_US
    return {"country": _COUNTRIES[(user // 64 + moved) % len(_COUNTRIES)]}


def _money(session: int) -> dict[str, str]:
    odd = (
        {"amount_minor": "12.50"},
        {"currency": "-"},
        {"currency": "KWD"},
        {"amount_minor": "-"},
        {"amount_minor": "1e3"},
    )
    return odd[session % 17] if session % 17 < len(odd) else {}
