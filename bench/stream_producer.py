"""The producer of the latency measurement: our own, which notes for each purchase when it was handed over and when put.

Sends simulated visits evenly into the stream of the `CLICKSTREAM_*` and `AWS_*` variables, each event at about the time
at which it says that it happened. The notes are lines of JSON, written at the end.

    python -m bench.stream_producer --rate 1000 --seconds 60 --notes notes.ndjson
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from producers.batching import Record
from producers.delivery import StopFlag, deliver
from producers.lines import Line
from producers.opening import open_producer
from producers.producer import Producer
from producers.results import Result
from producers.schedules import EvenSchedule
from producers.shop.simulation import simulate
from producers.shop.visitors import Visitors
from schemas.codec import encode
from schemas.event import PURCHASE
from schemas.instants import SECOND_US
from schemas.kpl import payloads
from schemas.settings import load_settings

USERS = 5_000
_PURCHASE = PURCHASE.encode()


class Note(msgspec.Struct, frozen=True):
    """When a purchase went out, by the machine's monotonic clock.

    Attributes:
        handed_ns: it was given to the producer, which waits a little for more to put with it.
        put_ns: the first PutRecords call with it began.
    """

    event_id: str
    handed_ns: int
    put_ns: int


class _Id(msgspec.Struct):
    event_id: str
    event_type: str


_id_of = msgspec.json.Decoder(_Id).decode


@dataclass(slots=True)
class PutTimes:
    """When the first call with each purchase began: event id -> nanoseconds."""

    put_ns: dict[str, int] = field(default_factory=dict)

    def note(self, records: Sequence[Record], results: Sequence[Result], began_s: float, ended_s: float) -> None:
        """See `Producer`."""
        for record in records:
            for payload in payloads(record.data):
                if _PURCHASE in payload and (found := _id_of(payload)).event_type == PURCHASE:
                    self.put_ns.setdefault(found.event_id, int(began_s * 1e9))


class NotingSink:
    """A producer that notes when it was given each purchase."""

    def __init__(self, producer: Producer) -> None:
        self.tally = producer.tally
        self.handed_ns: dict[str, int] = {}
        self.flush = producer.flush
        self.close = producer.close
        self._producer = producer

    @property
    def settled(self) -> int:
        """See `Sink`."""
        return self._producer.settled

    def put_line(self, line: Line) -> None:
        """See `Sink`."""
        if _PURCHASE in line.data and (found := _id_of(line.data)).event_type == PURCHASE:
            self.handed_ns[found.event_id] = time.monotonic_ns()
        self._producer.put_line(line)


def main() -> None:
    """Send, then write the notes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--notes", type=Path, required=True)
    options = parser.parse_args()
    stream = load_settings(os.environ, Path.cwd()).stream
    times = PutTimes()
    with open_producer(stream, on_call=times.note) as producer:
        sink = NotingSink(producer)
        deliver(
            _lines(options.rate, options.seconds),
            sink,
            EvenSchedule(options.rate),
            StopFlag(),
            clock=time.monotonic,
            sleep=time.sleep,
            on_progress=lambda count: None,
        )
    if sink.tally.failed:
        raise RuntimeError(f"{sink.tally.failed} events could not be put: {sink.tally.first_failure}")
    notes = [Note(event_id, at_ns, times.put_ns[event_id]) for event_id, at_ns in sink.handed_ns.items()]
    options.notes.write_bytes(msgspec.json.Encoder().encode_lines(notes))


def _lines(rate: float, seconds: float) -> Iterator[Line]:
    span_us = int(seconds * SECOND_US)
    visitors = Visitors(int(rate * seconds), USERS, time.time_ns() // 1000 + span_us, span_us, is_even=True)
    for event in simulate(visitors, seed=1):
        yield Line(event.user_id, encode(event), event.event_timestamp_us)


if __name__ == "__main__":
    main()
