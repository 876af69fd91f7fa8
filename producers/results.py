"""What a PutRecords call says of each record, and what that settles."""

from __future__ import annotations

from dataclasses import dataclass, field

from producers.batching import Record


@dataclass(frozen=True, slots=True)
class Taken:
    """A record was acknowledged."""

    shard_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A record was not acknowledged.

    Attributes:
        reason: for a person.
        is_throttle: the shard or the stream was asked too much.
        is_whole_call: the call failed as a whole, so what comes after it would fare no better.
        may_retry: the same record may be taken later.
    """

    reason: str
    is_throttle: bool = False
    is_whole_call: bool = False
    may_retry: bool = True


Result = Taken | Refused


@dataclass(slots=True)
class Settlement:
    """What answers have settled.

    Attributes:
        lines: events acknowledged.
        records: Kinesis records acknowledged.
        bytes: their data.
        attestations: records acknowledged that are attestations.
        retried: records that will be put again.
        throttled: of these, how many were throttled.
        remapped: events to be put again, since their record landed on a shard that is not theirs.
        given_up: records that were not taken, with the reason.
        failure: why the stream takes nothing any more; empty where it does.
    """

    lines: int = 0
    records: int = 0
    bytes: int = 0
    attestations: int = 0
    retried: int = 0
    throttled: int = 0
    remapped: int = 0
    given_up: list[tuple[Record, str]] = field(default_factory=list)
    failure: str = ""
