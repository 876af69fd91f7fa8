"""Aggregated records to damage, and the damage: bit flips, cuts, splices, repeats, at random and near heads.

Pure: all that is drawn comes from the generator that is handed in. Every event that is packed is a purchase with an id
of its own, so that whatever is read can be told from what was put in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from bench.kpl_reference import Put, aggregates_of, message_with_tags
from schemas.kpl import DIGEST_BYTES, MAGIC, Aggregator
from schemas.kpl_wire import RECORDS, bytes_head, frame

_LARGE_RECORDS = 134
_MAX_BYTES = 1 << 20
_DENSE_BYTES = 1 << 16
# The smallest fields, whole and cut: a frame of nothing else holds the most of them.
_DENSE = (
    b"\x0a\x00",
    b"\x12\x01a",
    b"\x0a\x02ab",
    b"\x1a\x04\x08\x00\x1a\x00",
    b"\x1a\x02\x08\x00",
    b"\x78\x01",
    b"\x80",
)
# Tags of the format, groups, and where numbers begin to take another byte or come to their end.
_TELLING = b"\x00\x01\x08\x0a\x0b\x0c\x10\x12\x1a\x22\x7f\x80\xfe\xff"


@dataclass(frozen=True, slots=True)
class Source:
    """A whole aggregated record and the events in it, in order."""

    blob: bytes
    events: tuple[bytes, ...]


def source_of(rng: Random) -> Source:
    """Return a record as ours or the reference's aggregator writes it, or one with tags; a few are large."""
    count = _LARGE_RECORDS if rng.random() < 0.02 else rng.randint(1, 8)
    puts = [(_key(rng), _event(rng), _hash_key(rng) if rng.random() < 0.3 else None) for _ in range(count)]
    pack = rng.choice((_packed_by_us, _packed_by_us, _packed_by_the_reference, _packed_with_tags))
    return Source(pack(rng, puts), tuple(event for _, event, _ in puts))


def damaged(rng: Random, sources: Sequence[Source]) -> bytes:
    """Return a record with its frame damaged, digest or magic perhaps too; the digest is not made anew."""
    return _hit(rng, rng.choice(sources).blob, rng.choice(sources).blob)


def damaged_within(rng: Random, sources: Sequence[Source]) -> bytes:
    """Return a record with its message damaged under a digest that is right."""
    if rng.random() < 0.002:
        field = rng.choice(_DENSE)
        message = field * (_DENSE_BYTES // len(field))
    else:
        message = _message(rng.choice(sources))
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        message = _hit(rng, message, _message(rng.choice(sources)))
    return frame(message)


def _key(rng: Random) -> str:
    return f"u{rng.randrange(10**6)}" if rng.random() < 0.9 else "ключ-" * rng.randint(1, 30)


def _hash_key(rng: Random) -> str:
    return str(rng.getrandbits(128))


def _event(rng: Random) -> bytes:
    # With sizes that take one byte, two and, seldom, three.
    padding = rng.choice((0, 20, 150)) if rng.random() < 0.999 else 17_000
    return (
        b'{"event_id":"%032x","user_id":"u1","session_id":"s1","event_type":"purchase",'
        b'"event_timestamp":"2026-01-01T00:00:00Z","page_url":"/%s"}'
    ) % (rng.getrandbits(128), b"." * padding)


def _packed_by_us(rng: Random, puts: Sequence[Put]) -> bytes:
    aggregator = Aggregator(_MAX_BYTES)
    if not all(aggregator.add(*put) for put in puts):
        raise ValueError("an event does not fit")
    return aggregator.drain()


def _packed_by_the_reference(rng: Random, puts: Sequence[Put]) -> bytes:
    (blob,) = aggregates_of(puts, _MAX_BYTES)
    return blob


def _packed_with_tags(rng: Random, puts: Sequence[Put]) -> bytes:
    return frame(message_with_tags([(put, rng.choice(("blue", None))) for put in puts]))


def _message(source: Source) -> bytes:
    return source.blob[len(MAGIC) : -DIGEST_BYTES]


def _hit(rng: Random, whole: bytes, other: bytes) -> bytes:
    return rng.choice(_HITS)(rng, whole, other)


def _place(rng: Random, whole: bytes) -> int:
    """Return a place, half the time within the head of a record: there is little of those, and most to go wrong."""
    place = rng.randrange(len(whole) + 1)
    if rng.random() < 0.5 and (head := whole.find(bytes_head(RECORDS, 0)[:1], place)) >= 0:
        return min(head + rng.randrange(9), len(whole))
    return place


def _flip(rng: Random, whole: bytes, other: bytes) -> bytes:
    flipped = bytearray(whole)
    for _ in range(rng.choice((1, 1, 1, 8)) if whole else 0):
        flipped[min(_place(rng, whole), len(whole) - 1)] ^= 1 << rng.randrange(8)
    return bytes(flipped)


def _overwrite(rng: Random, whole: bytes, other: bytes) -> bytes:
    place, size = _place(rng, whole), rng.choice((1, 1, 2, 10))
    return whole[:place] + bytes(rng.choices(_TELLING, k=size)) + whole[place + size :]


def _insert(rng: Random, whole: bytes, other: bytes) -> bytes:
    place = _place(rng, whole)
    return whole[:place] + bytes(rng.choices(_TELLING, k=rng.randint(1, 12))) + whole[place:]


def _cut(rng: Random, whole: bytes, other: bytes) -> bytes:
    place = _place(rng, whole)
    return whole[:place] if rng.random() < 0.8 else whole[place:]


def _drop(rng: Random, whole: bytes, other: bytes) -> bytes:
    begin, end = sorted((_place(rng, whole), _place(rng, whole)))
    return whole[:begin] + whole[end:]


def _repeat(rng: Random, whole: bytes, other: bytes) -> bytes:
    begin, end = sorted((_place(rng, whole), _place(rng, whole)))
    return whole[:end] + whole[begin:]


def _splice(rng: Random, whole: bytes, other: bytes) -> bytes:
    return whole[: _place(rng, whole)] + other[_place(rng, other) :]


_HITS: tuple[Callable[[Random, bytes, bytes], bytes], ...] = (
    _flip,
    _flip,
    _overwrite,
    _insert,
    _cut,
    _drop,
    _repeat,
    _splice,
)
