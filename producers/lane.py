"""What waits for one shard: finished records in order, and behind them the lines of the open aggregate.

Pure. At most one call with records from here is under way.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from producers.batching import FULL_AGGREGATE_BYTES, MAX_AGGREGATE_BYTES, MAX_AGGREGATE_LINES, Record
from producers.pacing import Pace
from producers.routing import Shard
from schemas.kpl import Aggregator

# Source: awslabs/amazon-kinesis-producer, default_config.properties: RecordMaxBufferedTime.
MAX_BUFFERED_S = 0.1
AT_ONCE = -math.inf


@dataclass(slots=True, eq=False)
class Parcel:
    """A record on its way.

    Attributes:
        place: the place of its first line in the order of put.
        tries: how often it was refused, throttles not counted.
        throttled_since_s: when it was throttled first.
    """

    record: Record
    place: int
    tries: int = 0
    throttled_since_s: float = math.inf


class Lane:
    """What waits for one shard.

    Attributes:
        queue: finished records, in order.
        lines: how many lines wait in the open aggregate, the first of them with this `place`.
        due_s: when what waits should go; infinite where nothing waits.
        resume_s: before this nothing goes, after a failure.
        flying: what is in a call now.
        opened_s: when the first line of the open aggregate came.
    """

    __slots__ = (
        "aggregator",
        "due_s",
        "failures",
        "flying",
        "lines",
        "opened_s",
        "pace",
        "place",
        "queue",
        "resume_s",
        "shard",
    )

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        self.pace = Pace()
        self.queue: deque[Parcel] = deque()
        self.flying: list[Parcel] = []
        self.aggregator = Aggregator(MAX_AGGREGATE_BYTES)
        self.lines = 0
        self.place = 0
        self.opened_s = math.inf
        self.due_s = math.inf
        self.resume_s = -math.inf
        self.failures = 0

    @property
    def ready_s(self) -> float:
        """When a call may take from here; infinite while one is under way."""
        return math.inf if self.flying else max(self.due_s, self.resume_s, self.pace.ready_s)

    @property
    def oldest(self) -> float:
        """The place of the first line that is not settled; infinite where all are."""
        if self.flying:
            return self.flying[0].place
        if self.queue:
            return self.queue[0].place
        return self.place if self.lines else math.inf

    @property
    def is_full(self) -> bool:
        """Whether the open lines are enough for a record."""
        return self.lines >= MAX_AGGREGATE_LINES or self.aggregator.size_bytes >= FULL_AGGREGATE_BYTES

    def note_due(self) -> None:
        """Set when what waits is due, after something was queued or taken."""
        if self.queue or (self.lines and self.is_full):
            self.due_s = AT_ONCE
        else:
            self.due_s = self.opened_s + MAX_BUFFERED_S if self.lines else math.inf
