"""The input of the stream benchmark: aggregated records of a hundred events, and the same events one a record.

Pure and deterministic. Every event takes 350 bytes and three of a hundred are purchases. Where an address has room for
it, a letter in it is escaped, as most JSON writers do with those beyond ASCII. Other events come from a pool and recur,
since nothing remembers them; each purchase has an id of its own for as long as anyone asks, so that state grows as it
does in service. To make that cheap enough for a source that must cost next to nothing, the purchases are the last
events of their record: the digest of all before them is taken once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import msgspec

from producers.shop.simulation import simulate
from producers.shop.visitors import Visitors
from schemas.codec import encode
from schemas.event import PURCHASE, ClickEvent
from schemas.instants import HOUR_US, parse_instant_us
from schemas.kpl import DIGEST_BYTES, MAGIC, Aggregator

if TYPE_CHECKING:
    from hashlib import _Hash

EVENT_BYTES = 350
RECORD_EVENTS = 100
RECORD_PURCHASES = 3
# What one fetch from a shard gives: 2,000 events, 700 kB.
FETCH_RECORDS = 20
BUYERS = 1_000_000
# All events happened within the hour before this, and all records arrive at it.
ARRIVAL_US = parse_instant_us("2026-01-01T00:00:00Z")
_VISITORS = 100_000
_ID = b"019b7592-0000-7000-8000-%012x"
_BUYER = b"u%07d"
# Coprime to the number of buyers, so that consecutive purchases are of buyers far apart.
_STRIDE = 611_953
# Both take as much.
_ROOM, _UMLAUT = b"......", rb"\u00fc"
# What an event can spare, to come to its size.
_SPARE_TRAITS = ("signup_date", "campaign", "user_agent", "visit_number")
_PLACES = range(RECORD_PURCHASES)


class Packing(Enum):
    """How events are put into records."""

    AGGREGATED = "a hundred events a record, as our producers put them"
    ONE_EVENT = "one event a record"


@dataclass(frozen=True, slots=True)
class _Form:
    """A record but for who bought.

    Attributes:
        head: magic and message up to the purchases.
        digest: of that message.
        tail: the rest of the message, with places for three buyers, then three times event id and buyer.
        others: the lines of the head.
        purchases: the lines of the tail, each with places for event id and buyer.
    """

    head: bytes
    digest: _Hash
    tail: bytes
    others: tuple[bytes, ...]
    purchases: tuple[bytes, ...]


class Pool:
    """Records by number, without end; the same number and seed give the same record.

    Args:
        forms: how many records differ in more than their purchases.
        seed: of everything that is drawn.
    """

    def __init__(self, forms: int = 1_000, seed: int = 1) -> None:
        self._forms = _forms(seed, forms)

    def blob(self, number: int) -> bytes:
        """Return a record in the aggregated format."""
        form = self._forms[number % len(self._forms)]
        first = number * RECORD_PURCHASES
        (id_0, buyer_0), (id_1, buyer_1), (id_2, buyer_2) = (purchase_of(first + place) for place in _PLACES)
        tail = form.tail % (buyer_0, buyer_1, buyer_2, id_0, buyer_0, id_1, buyer_1, id_2, buyer_2)
        digest = form.digest.copy()
        digest.update(tail)
        return b"".join((form.head, tail, digest.digest()))

    def lines(self, number: int) -> list[bytes]:
        """Return the events of that record one by one, in order."""
        form = self._forms[number % len(self._forms)]
        first = number * RECORD_PURCHASES
        return [*form.others, *(line % purchase_of(first + place) for place, line in enumerate(form.purchases))]


def purchase_of(number: int) -> tuple[bytes, bytes]:
    """Return the event id and the buyer of a purchase."""
    return _ID % number, _BUYER % (number * _STRIDE % BUYERS)


def sized_line(event: ClickEvent) -> bytes | None:
    """Return an event at exactly the size, or None where it needs more."""
    is_purchase = event.event_type == PURCHASE
    lean = msgspec.structs.replace(
        event,
        referrer_url=None if is_purchase else event.referrer_url,
        metadata={name: value for name, value in event.metadata.items() if name not in _SPARE_TRAITS},
    )
    missing = EVENT_BYTES - len(encode(lean)) - len("#")
    if missing < 0:
        return None
    line = encode(msgspec.structs.replace(lean, page_url=f"{lean.page_url}#{'.' * missing}"))
    return line.replace(_ROOM, _UMLAUT, 1)


def _forms(seed: int, count: int) -> list[_Form]:
    others: list[tuple[str, bytes]] = []
    purchases: list[ClickEvent] = []
    # Twice what is needed: the share of purchases is about right, and some events need more than the size.
    visitors = Visitors(2 * count * RECORD_EVENTS, _VISITORS, ARRIVAL_US, HOUR_US, crawlers=0, is_even=True)
    for event in simulate(visitors, seed):
        if event.event_type == PURCHASE:
            purchases.append(event)
        elif (line := sized_line(event)) is not None:
            others.append((event.user_id, line))
    per_form = RECORD_EVENTS - RECORD_PURCHASES
    if len(others) < count * per_form or len(purchases) < count * RECORD_PURCHASES:
        raise ValueError(f"too few events were simulated for {count} records")
    return [
        _form(
            others[number * per_form : (number + 1) * per_form],
            purchases[number * RECORD_PURCHASES : (number + 1) * RECORD_PURCHASES],
        )
        for number in range(count)
    ]


def _form(others: Sequence[tuple[str, bytes]], purchases: Sequence[ClickEvent]) -> _Form:
    names = [(f"<event {place}>".ljust(len(_ID % 0), "-"), f"<user {place}>") for place in _PLACES]
    bought: list[tuple[str, bytes]] = []
    for (event_id, buyer), event in zip(names, purchases, strict=True):
        line = sized_line(msgspec.structs.replace(event, event_id=event_id, user_id=buyer))
        if line is None:
            raise ValueError("a purchase needs more than its size")
        bought.append((buyer, line))
    # A message is a table of keys, then the records. Cut in two, each half with its own keys first, it says the same:
    # repeated fields of protobuf may stand anywhere.
    first, whole = _message(others), _message([*others, *bought])
    keys_end = next(place for place, byte in enumerate(first) if whole[place] != byte)
    more_keys_end = whole.index(first[keys_end:])
    tail = whole[keys_end:more_keys_end] + whole[more_keys_end + len(first) - keys_end :]
    return _Form(
        head=MAGIC + first,
        digest=hashlib.md5(first, usedforsecurity=False),
        tail=_with_places(tail, names),
        others=tuple(line for _, line in others),
        purchases=tuple(_with_places(line, names) for _, line in bought),
    )


def _with_places(template: bytes, names: Sequence[tuple[str, str]]) -> bytes:
    escaped = template.replace(b"%", b"%%")
    for event_id, buyer in names:
        escaped = escaped.replace(event_id.encode(), b"%b").replace(buyer.encode(), b"%b")
    return escaped


def _message(records: Sequence[tuple[str, bytes]]) -> bytes:
    aggregator = Aggregator(max_bytes=1 << 20)
    for key, line in records:
        if not aggregator.add(key, line):
            raise ValueError("a record grew too large")
    return aggregator.drain()[len(MAGIC) : -DIGEST_BYTES]
