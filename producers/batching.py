"""Lines to Kinesis records, within the service's limits.

Pure: it neither sends nor looks at a clock. An aggregate goes to the shard that it was made for, by that shard's first
hash key; a line that fits into none is a record of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from producers.lines import MAX_PARTITION_KEY_CHARS, Line
from schemas.hash_keys import parse_hash_key

# Source: Kinesis API reference, PutRecords: 500 records a call. A call may hold 10 MiB and a record 1 MiB unless the
# stream opts in to more; 5 MiB is what every region and emulator has always taken. Partition keys count.
MAX_CALL_RECORDS = 500
MAX_CALL_BYTES = 5 * 1024 * 1024
MAX_RECORD_BYTES = 1024 * 1024
# Source: awslabs/amazon-kinesis-producer, default_config.properties: AggregationMaxSize, which may be up to a record's
# limit. From the first size on an aggregate is sent; while its shard is busy it grows up to the second, so that a call
# carries more exactly when calls are what is short.
FULL_AGGREGATE_BYTES = 51_200
MAX_AGGREGATE_BYTES = 256 * 1024
MAX_AGGREGATE_LINES = 1000


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of a PutRecords call.

    Attributes:
        lines: how many events are inside; 0 for an attestation, which is none.
        is_aggregate: the data is an aggregate of lines, not a line.
    """

    partition_key: str
    data: bytes
    lines: int
    explicit_hash_key: str | None = None
    is_aggregate: bool = False

    @property
    def size_bytes(self) -> int:
        """What the entry counts towards the limits."""
        return len(self.data) + len(self.partition_key.encode())


def plain_record(line: Line) -> Record:
    """Return a line as a record of its own."""
    return Record(line.partition_key, line.data, 1, line.explicit_hash_key)


def refusal_of(line: Line) -> str:
    """Return why no stream can ever take a line; empty where it can."""
    if not 1 <= len(line.partition_key) <= MAX_PARTITION_KEY_CHARS:
        return f"a partition key of {len(line.partition_key)} characters, it may have 1 to {MAX_PARTITION_KEY_CHARS}"
    if line.explicit_hash_key is not None and parse_hash_key(line.explicit_hash_key) is None:
        return "the explicit hash key is no decimal number below 2^128"
    if (size_bytes := plain_record(line).size_bytes) > MAX_RECORD_BYTES:
        return f"{size_bytes} bytes, a record may hold {MAX_RECORD_BYTES}"
    return ""
