"""The lines of the compaction benchmark's input, a piece at a time. Pure and deterministic.

Lines are what our producers write; of a hundred

- 2 repeat another line byte for byte, half of them one of the object before,
- 3 happened the evening before the day of all others, 3 have the zone `+00:00` and 3 `+05:30`,
- 2 come from another writer: spaces between the tokens, escapes, rare metadata keys, values that are no strings,
- and of a thousand 5 are no events: cut, random bytes, without a required field, or with an impossible instant.

45 % of the events are of users who follow Zipf's law. A session has one device type, a user one signup date, and a
country that one event of a hundred says otherwise. Every bad line is one that each of the compared engines refuses, and
no event id has two payloads, so all of them come to the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from producers.shop.simulation import simulate
from producers.shop.visitors import Visitors
from schemas.codec import encode
from schemas.event import ClickEvent
from schemas.instants import HOUR_US, SECOND_US, parse_instant_us

Instants = NDArray[np.int64]

DAY_START_US = parse_instant_us("2026-11-24T00:00:00Z")
_TEMPLATES, _FOREIGN_TEMPLATES = 20_000, 2_000
_REPEATED_HERE, _REPEATED_NEXT = 0.01, 0.01
_LATE, _ZONE_NUMERIC, _ZONE_INDIA, _FOREIGN, _BAD = 0.03, 0.03, 0.03, 0.02, 0.005
_LATE_SPAN_US = 6 * HOUR_US
_ABROAD = 0.01
_DELAY_US = 20 * SECOND_US
_INDIA_US = 5 * HOUR_US + HOUR_US // 2
_HOT_HOUR = 12
_ZIPF, _ZIPF_SHARE = 1.25, 0.45
# What makes a line longer and nothing else.
_LEFT_OUT = ("user_agent", "visit_number")
# How far from its first a repeated line stands, in lines.
_APART = 5_000
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_DASHES, _DIGITS = (8, 13, 18, 23), tuple(place for place in range(36) if place not in (8, 13, 18, 23))
# What stands in a template where each event has its own.
_PLACES = {
    b'"<id>"': b'"%b"',
    b'"u<user>"': b'"u%07d"',
    b'"s-<session>"': b'"s-%b"',
    b'"2000-01-01T00:00:00.000000Z"': b'"%b"',
    b'"<device>"': b'"%b"',
    b'"<country>"': b'"%b"',
    b'"<signup>"': b'"%b"',
    b'"<producer>"': b'"%b"',
    b"7777777777": b"%d",
}


@dataclass(frozen=True, slots=True)
class Skew:
    """How uneven an input is.

    Attributes:
        users: how many there are to draw from.
        hot_user: share of events of one user.
        hot_hour: share of events of one hour; 0 for an even day.
    """

    users: int
    hot_user: float = 0.0
    hot_hour: float = 0.0


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines in the order of their object.

    Attributes:
        bad: lines that are no events.
        repeats: lines that repeat another one.
        onward: lines for the next object to repeat.
    """

    lines: list[bytes]
    bad: int
    repeats: int
    onward: list[bytes]


class Lines:
    """Makes pieces.

    Args:
        seed: of everything that the templates draw.
    """

    def __init__(self, seed: int, skew: Skew) -> None:
        self._own, self._foreign, self._traits = _templates(seed)
        self._skew = skew

    @property
    def texts(self) -> Sequence[bytes]:
        """What the lines are made of."""
        return [*self._own, *self._foreign]

    def piece(self, rng: Generator, count: int, span: tuple[float, float], carried: Sequence[bytes], of: str) -> Piece:
        """Return so many lines.

        Args:
            rng: what is drawn from.
            count: lines of the piece, some dozens at least and far more than are carried.
            span: first and last instant of their arrival, as shares of all events that have arrived.
            carried: lines to repeat in this piece.
            of: the producer.
        """
        repeated = int(rng.binomial(count - len(carried), _REPEATED_HERE))
        fresh = count - len(carried) - repeated
        lines = self._fresh(rng, fresh, span, of)
        is_bad = rng.random(fresh) < _BAD
        for place in np.flatnonzero(is_bad):
            lines[place] = _spoilt(lines[place], rng)
        good = np.flatnonzero(~is_bad)
        again = rng.choice(good, repeated)
        onward = [lines[place] for place in rng.choice(good, int(rng.binomial(count, _REPEATED_NEXT)))]
        after = again + rng.integers(1, _APART, repeated)
        order = np.concatenate([np.arange(fresh), after, rng.integers(0, fresh, len(carried))])
        pool = [*lines, *(lines[place] for place in again), *carried]
        in_order = [pool[place] for place in np.argsort(order, kind="stable")]
        return Piece(in_order, int(is_bad.sum()), repeated + len(carried), onward)

    def _fresh(self, rng: Generator, count: int, span: tuple[float, float], of: str) -> list[bytes]:
        arrived_us = self.arrival_us(np.sort(rng.uniform(*span, count)))
        happened_us = arrived_us - rng.exponential(_DELAY_US, count).astype(np.int64)
        is_late = rng.random(count) < _LATE
        happened_us[is_late] = DAY_START_US - rng.integers(1, _LATE_SPAN_US, int(is_late.sum()))
        users = self._users(rng, count)
        drawn = rng.integers(0, len(self._own), count)
        is_foreign = rng.random(count) < _FOREIGN
        values = zip(
            drawn.tolist(),
            is_foreign.tolist(),
            _event_ids(rng, happened_us),
            users.tolist(),
            _sessions(users, happened_us),
            _timestamps(rng, happened_us),
            *self._said(rng, users, happened_us),
            range(int(span[0] * 1e9), int(span[0] * 1e9) + count),
            strict=True,
        )
        own, foreign, producer = self._own, self._foreign, of.encode()
        return [
            (foreign[template % len(foreign)] if other else own[template])
            % (event_id, user, session, timestamp, device, country, signup, producer, seq)
            for template, other, event_id, user, session, timestamp, device, country, signup, seq in values
        ]

    def _said(self, rng: Generator, users: NDArray[np.int64], happened_us: Instants) -> list[list[bytes]]:
        """Return device type, country and signup date of each event."""
        of_user = _mixed(users) % np.uint64(len(self._traits))
        of_session = _mixed_sessions(users, happened_us) % np.uint64(len(self._traits))
        abroad = rng.integers(0, len(self._traits), len(users))
        of_country = np.where(rng.random(len(users)) < _ABROAD, abroad, of_user.astype(np.int64))
        places = (of_session, of_country, of_user)
        return [self._traits[place, column].tolist() for column, place in enumerate(places)]

    def arrival_us(self, shares: NDArray[np.float64]) -> Instants:
        """Return when the given shares of all events have arrived."""
        shares_at, hours = [0.0, 1.0], [0, 24]
        if hot := self._skew.hot_hour:
            shares_at[1:1] = [(1 - hot) / 2, (1 + hot) / 2]
            hours[1:1] = [_HOT_HOUR, _HOT_HOUR + 1]
        offsets = np.interp(shares, shares_at, [hour * HOUR_US for hour in hours])
        return DAY_START_US + offsets.astype(np.int64)

    def _users(self, rng: Generator, count: int) -> NDArray[np.int64]:
        draw = rng.random(count)
        ranks = rng.zipf(_ZIPF, count) - 1
        users = np.where(draw < _ZIPF_SHARE, ranks, rng.integers(0, 1 << 62, count)) % self._skew.users
        return np.where(rng.random(count) < self._skew.hot_user, 0, users)


@cache
def _templates(seed: int) -> tuple[list[bytes], list[bytes], NDArray[np.bytes_]]:
    """Return lines as our producers write them and as others do, with places for what each event has of its own.

    The last are device types, countries and signup dates to draw from, a row for each event of the simulation.
    """
    # As many visitors as events, so that most differ in more than that.
    visitors = Visitors(_TEMPLATES, _TEMPLATES, DAY_START_US, HOUR_US, crawlers=0, is_even=True)
    simulated = [event for event in simulate(visitors, seed) if "signup_date" in event.metadata]
    said = [(event.device_type, event.metadata["country"], event.metadata["signup_date"]) for event in simulated]
    events = list(map(_with_marks, simulated))
    own = [_with_places(encode(event)) for event in events]
    foreign = enumerate(events[:_FOREIGN_TEMPLATES])
    return own, [_with_places(_as_others_write(event, number)) for number, event in foreign], np.array(said, np.bytes_)


def _with_marks(event: ClickEvent) -> ClickEvent:
    metadata = {name: value for name, value in event.metadata.items() if name not in _LEFT_OUT}
    return msgspec.structs.replace(
        event,
        event_id="<id>",
        user_id="u<user>",
        session_id="s-<session>",
        event_timestamp_us=parse_instant_us("2000-01-01T00:00:00Z"),
        device_type="<device>",
        metadata=metadata | {"country": "<country>", "signup_date": "<signup>"},
        producer_id="<producer>",
        producer_seq=7_777_777_777,
    )


def _with_places(line: bytes) -> bytes:
    template = line.replace(b"%", b"%%")
    for mark, place in _PLACES.items():
        if template.count(mark) != 1:
            raise ValueError(f"{mark!r} stands {template.count(mark)} times in a line")
        template = template.replace(mark, place)
    return template


def _as_others_write(event: ClickEvent, number: int) -> bytes:
    values: dict[str, Any] = json.loads(encode(event))
    values["page_url"] = f"{event.page_url}#größe"
    values.setdefault("metadata", {}).update(
        {f"experiment_{number % 997}": 'group "B"\n\t\\', "score": number % 100, "returning": number % 2 == 0}
    )
    text = json.dumps(values)
    return (text.replace("https://", r"https:\/\/") if number % 3 == 0 else text).encode()


def _spoilt(line: bytes, rng: Generator) -> bytes:
    kind = rng.random()
    if kind < 0.4:
        return line[: int(rng.integers(10, len(line) - 1))]
    if kind < 0.5:
        return bytes(rng.integers(0x80, 0x100, 60, dtype=np.uint8))
    values = json.loads(line)
    if kind < 0.6:
        del values["session_id"]
    elif kind < 0.7:
        values["user_id"] = None
    elif kind < 0.8:
        values["event_type"] = ""
    elif kind < 0.9:
        values["event_timestamp"] = "2026-13-45T25:00:00Z"
    else:
        values["event_timestamp"] = True
    return msgspec.json.encode(values)


def _event_ids(rng: Generator, happened_us: Instants) -> list[bytes]:
    """Return UUIDs of version 7, whose first 48 bits are the milliseconds."""
    count = len(happened_us)
    octets = np.empty((count, 16), np.uint8)
    octets[:, :6] = (happened_us // 1000).astype(">i8").view(np.uint8).reshape(count, 8)[:, 2:]
    octets[:, 6:] = rng.integers(0, 256, (count, 10), dtype=np.uint8)
    octets[:, 6] = octets[:, 6] & 0x0F | 0x70
    octets[:, 8] = octets[:, 8] & 0x3F | 0x80
    text = np.empty((count, 36), np.uint8)
    text[:, _DASHES] = ord("-")
    text[:, _DIGITS] = _hex(octets)
    ids: list[bytes] = text.view("S36").ravel().tolist()
    return ids


def _sessions(users: NDArray[np.int64], happened_us: Instants) -> list[bytes]:
    """Return 16 hex digits for each user and hour."""
    digits = _hex(_mixed_sessions(users, happened_us).view(np.uint8).reshape(len(users), 8))
    sessions: list[bytes] = digits.view("S16").ravel().tolist()
    return sessions


def _mixed_sessions(users: NDArray[np.int64], happened_us: Instants) -> NDArray[np.uint64]:
    return _mixed((users << 20) ^ (happened_us // HOUR_US))


def _mixed(numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    mixed = numbers.astype(np.uint64)
    for factor in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB):
        mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(factor)
    return mixed


def _hex(octets: NDArray[np.uint8]) -> NDArray[np.uint8]:
    digits = np.empty((len(octets), 2 * octets.shape[1]), np.uint8)
    digits[:, 0::2], digits[:, 1::2] = _HEX[octets >> 4], _HEX[octets & 0x0F]
    return digits


def _timestamps(rng: Generator, happened_us: Instants) -> list[bytes]:
    draw = rng.random(len(happened_us))
    is_india = draw < _ZONE_INDIA
    is_numeric = ~is_india & (draw < _ZONE_INDIA + _ZONE_NUMERIC)
    local = (happened_us + np.where(is_india, _INDIA_US, 0)).astype("datetime64[us]")
    zones = np.select([is_india, is_numeric], [b"+05:30", b"+00:00"], b"Z")
    texts: list[bytes] = np.char.add(np.datetime_as_string(local).astype("S26"), zones).tolist()
    return texts
