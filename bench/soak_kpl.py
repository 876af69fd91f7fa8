"""A million damaged aggregated records: each is refused as broken or read, and nothing comes out that was not put in.

Half have their frame damaged, and the digest must tell; half have their message damaged under a digest that is right,
and must be read as protobuf reads them or be refused, in time and memory that the bytes account for. All go through
the readers and through what consumes them: the alert job's decoder and the Firehose stand-in. Ends with what was
counted, or with the first promise that was broken and the seed that shows it again.
"""

from __future__ import annotations

import signal
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any, TypeVar

import msgspec

from bench.kpl_damage import Source, damaged, damaged_within, source_of
from bench.kpl_reference import records_by_protobuf, without_tags
from infra.local.firehose import Arrival, Buffer, BufferHints
from schemas.dead_letter import BROKEN_FRAME
from schemas.errors import WorkFailedError
from schemas.hash_keys import MAX_HASH_KEY
from schemas.instants import DAY_US, parse_instant_us
from schemas.kpl import (
    DIGEST_BYTES,
    MAGIC,
    BrokenFrameError,
    UserRecord,
    WrongDigestError,
    foreign_records,
    payloads,
    user_records,
)
from schemas.settings import Settings
from stream_jobs.decoding import Decoder
from stream_jobs.rules import rules_of

T = TypeVar("T")
FRAMES = 1_000_000
_SEED_FRAMES = 4_000
_SOURCES = 50
# Reading takes about a millisecond for the largest; a loop without end takes all there is.
_SEED_CPU_S = 120
# The smallest record takes six bytes and becomes an object of some hundred.
_BYTES_PER_BYTE = 50
# One record for each so many bytes is measured.
_MEASURED_BYTES = 1 << 16
_SMALL_BYTES = 16_384
_ARRIVAL_US = parse_instant_us("2026-01-01T00:00:01Z")
_SETTINGS = Settings("stream", "raw", "curated", "arn:aws:sns:eu-west-1:123456789012:Alerts", "https://queue")
_DECODER = Decoder(rules_of(_SETTINGS), DAY_US)


@dataclass(slots=True)
class Tally:
    """How many records ended how, and the most memory that reading one took, in bytes for each of its bytes."""

    outcomes: Counter[str] = field(default_factory=Counter)
    most_bytes_per_byte: float = 0.0


def fuzz(folder: Path) -> dict[str, Any]:
    """Read a million damaged records."""
    tally = Tally()
    begun_s = time.process_time()
    for seed in range(FRAMES // _SEED_FRAMES):
        try:
            with cpu_limit(_SEED_CPU_S):
                read_damaged(Random(seed), _SEED_FRAMES, tally)
        except Exception as error:
            raise WorkFailedError(f"the records of seed {seed}: {type(error).__name__}: {error}") from error
    return {
        "frames": tally.outcomes.total(),
        **tally.outcomes,
        "most_bytes_per_byte": round(tally.most_bytes_per_byte, 1),
        "cpu_s": round(time.process_time() - begun_s),
    }


def read_damaged(rng: Random, frames: int, tally: Tally) -> None:
    """Read so many damaged records, and count how they ended.

    Raises:
        WorkFailedError: a promise was broken; anything else that is raised is that too.
    """
    sources = [source_of(rng) for _ in range(_SOURCES)]
    whole = {source.blob: source for source in sources}
    ids = {_id_of(event) for source in sources for event in source.events}
    consumers = _Consumers()
    for number in range(frames):
        if number % 2:
            blob = damaged(rng, sources)
            outcome = _read_by_digest(blob, whole.get(blob))
            if unknown := consumers.alerted_by(blob) - ids:
                raise WorkFailedError(f"alerts of events that nobody put in, {unknown}, of {blob.hex()}")
        else:
            blob = damaged_within(rng, sources)
            outcome = _read_by_message(blob)
            consumers.alerted_by(blob)
        tally.outcomes[outcome] += 1
        if rng.randrange(_MEASURED_BYTES) < len(blob):
            tally.most_bytes_per_byte = max(tally.most_bytes_per_byte, bytes_per_byte(blob))
    consumers.check()


@contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Raise within the block once it has taken so much CPU: what never ends cannot be waited for."""

    def stop(number: int, where: FrameType | None) -> None:
        raise WorkFailedError(f"no end after {seconds} s of CPU")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


class _Consumers:
    """What reads the stream, with a count of its own of what must be in it."""

    def __init__(self) -> None:
        self._buffer = Buffer("clicks", BufferHints(1 << 40, 1 << 40), {})
        self._read = self._refused = 0

    def alerted_by(self, blob: bytes) -> set[str]:
        """Have a record consumed, and return the ids of the events to alert."""
        self._buffer.add(Arrival(blob, _ARRIVAL_US, "shard", "1"))
        decoded = _DECODER.record(blob, _ARRIVAL_US)
        try:
            self._read += len(payloads(blob))
        except BrokenFrameError:
            self._refused += 1
            if [letter.reason for letter in decoded.dead_letters] != [BROKEN_FRAME]:
                raise WorkFailedError(f"a broken frame became {decoded}") from None
        return {alert.event.event_id for alert in decoded.alerts}

    def check(self) -> None:
        """Compare what was delivered with what was read."""
        delivery = self._buffer.drain("id")
        if (delivery.records, delivery.errors) != (self._read, self._refused):
            raise WorkFailedError(
                f"delivered {delivery.records} and {delivery.errors}, not {self._read, self._refused}"
            )


def _read_by_digest(blob: bytes, source: Source | None) -> str:
    """Read a record whose digest was not made anew; return how that ended."""
    if source is not None:
        if payloads(blob) != list(source.events):
            raise WorkFailedError(f"a whole frame gave other events than its own: {blob.hex()}")
        return "whole"
    if not blob.startswith(MAGIC):
        if payloads(blob) != [blob] or user_records(blob, "outer") != [UserRecord("outer", blob)]:
            raise WorkFailedError(f"a record without the magic is not itself: {blob.hex()}")
        return "no_magic"
    for read in (payloads, lambda blob: user_records(blob, "outer")):
        try:
            found = read(blob)
        except WrongDigestError:
            continue
        raise WorkFailedError(f"a damaged frame gave {found}: {blob.hex()}")
    return "wrong_digest"


def _read_by_message(blob: bytes) -> str:
    """Read a record with a right digest and anything before; return how that ended."""
    records = _result(lambda: user_records(blob, "outer"))
    found = _result(lambda: payloads(blob))
    message = blob[len(MAGIC) : -DIGEST_BYTES]
    theirs = records_by_protobuf(message)
    if not isinstance(found, BrokenFrameError) and sum(map(len, found)) > len(blob):
        raise WorkFailedError(f"more came out than went in: {blob.hex()}")
    if isinstance(records, BrokenFrameError):
        # Groups are what protobuf steps over and this format has none of.
        if theirs is not None and not str(records).startswith("wire type"):
            raise WorkFailedError(f"refused, {records}, where protobuf reads {theirs}: {blob.hex()}")
        return "refused" if isinstance(found, BrokenFrameError) else "refused_for_its_keys"
    if found != [record.data for record in records]:
        raise WorkFailedError(f"read as {found} without keys, as {records} with them: {blob.hex()}")
    foreign_records(records, 0, MAX_HASH_KEY >> 1)
    if theirs is None:
        # Protobuf looks into tags, too.
        if records_by_protobuf(without_tags(message)) != records:
            raise WorkFailedError(f"read as {records}, where protobuf refuses: {blob.hex()}")
        return "read_but_for_its_tags"
    if theirs != records:
        raise WorkFailedError(f"read as {records}, where protobuf reads {theirs}: {blob.hex()}")
    return "read_as_protobuf_reads"


def _result(read: Callable[[], T]) -> T | BrokenFrameError:
    try:
        return read()
    except BrokenFrameError as broken:
        return broken


def bytes_per_byte(blob: bytes) -> float:
    """Return how much memory reading takes for each byte of a record; small ones count as of a size."""
    tracemalloc.start()
    try:
        user_records(blob, "outer")
    except BrokenFrameError:
        pass
    finally:
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    ratio = peak_bytes / max(len(blob), _SMALL_BYTES)
    if ratio > _BYTES_PER_BYTE:
        raise WorkFailedError(f"{peak_bytes} bytes of memory for {len(blob)}: {blob[:1000].hex()}")
    return ratio


def _id_of(event: bytes) -> str:
    return str(msgspec.json.decode(event)["event_id"])
