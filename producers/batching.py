"""Lines to Kinesis records to PutRecords calls, within the service's limits.

Pure: it neither sends nor looks at a clock. Every line that it takes is in exactly one record, lines of one shard in
the order in which they came. An aggregate goes to the shard that it was made for, by that shard's first hash key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from producers.lines import Line
from producers.routing import Router
from schemas.kpl import Aggregator

# Source: Kinesis API reference, PutRecords: 500 records a call. A call may hold 10 MiB and a record 1 MiB unless the
# stream opts in to more; 5 MiB is what every region and emulator has always taken. Partition keys count.
MAX_CALL_RECORDS = 500
MAX_CALL_BYTES = 5 * 1024 * 1024
MAX_RECORD_BYTES = 1024 * 1024
# Source: awslabs/amazon-kinesis-producer, default_config.properties: AggregationMaxSize.
MAX_AGGREGATE_BYTES = 51_200
MAX_AGGREGATE_LINES = 1000


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of a PutRecords call, with the number of lines inside."""

    partition_key: str
    data: bytes
    lines: int
    explicit_hash_key: str | None = None

    @property
    def size_bytes(self) -> int:
        """What the entry counts towards the limits."""
        return len(self.data) + len(self.partition_key.encode())


class Batcher:
    """Collects lines until they are drained as records. Not safe for use from several threads.

    Args:
        router: where keys belong.
        aggregate: pack many lines into one record; without it each line is a record.
    """

    def __init__(self, router: Router, *, aggregate: bool = True) -> None:
        self._router = router
        self._aggregate = aggregate
        self._open = [Aggregator(MAX_AGGREGATE_BYTES) for _ in router.shards]
        self._sealed: list[Record] = []
        self._sealed_bytes = 0
        self._lines = 0

    def __len__(self) -> int:
        """Return the number of lines held."""
        return self._lines

    @property
    def is_full(self) -> bool:
        """Whether the finished records fill a call."""
        return len(self._sealed) >= MAX_CALL_RECORDS or self._sealed_bytes >= MAX_CALL_BYTES - MAX_RECORD_BYTES

    def add(self, line: Line) -> None:
        """Take a line in; one larger than a record may be is taken too, and refused by whoever puts it."""
        self._lines += 1
        if not self._aggregate:
            self._seal(Record(line.partition_key, line.data, 1))
            return
        index = self._router.index_of(line.partition_key)
        aggregator = self._open[index]
        if len(aggregator) >= MAX_AGGREGATE_LINES or not aggregator.add(line.partition_key, line.data):
            self._close(index)
            if not aggregator.add(line.partition_key, line.data):
                self._seal(Record(line.partition_key, line.data, 1))

    def drain(self) -> list[Record]:
        """Return all that is held as records and begin anew."""
        for index in range(len(self._open)):
            self._close(index)
        drained, self._sealed, self._sealed_bytes, self._lines = self._sealed, [], 0, 0
        return drained

    def _close(self, index: int) -> None:
        aggregator = self._open[index]
        if lines := len(aggregator):
            key, first_hash_key = aggregator.partition_key, str(self._router.shards[index].start)
            self._seal(Record(key, aggregator.drain(), lines, first_hash_key))

    def _seal(self, record: Record) -> None:
        self._sealed.append(record)
        self._sealed_bytes += record.size_bytes


def calls_of(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Yield the records in order, cut into lists that one PutRecords call may hold."""
    call: list[Record] = []
    call_bytes = 0
    for record in records:
        if call and (len(call) == MAX_CALL_RECORDS or call_bytes + record.size_bytes > MAX_CALL_BYTES):
            yield call
            call, call_bytes = [], 0
        call.append(record)
        call_bytes += record.size_bytes
    if call:
        yield call
