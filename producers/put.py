"""Records into the stream: one PutRecords call, its per-record results, and a bounded number of tries.

A call that returned is no success: each record's result is read and only the failed ones are put again. Records of one
shard that share a call may change places when one of them is put again, so a user's order is certain between calls and,
with aggregation, for all but the few users whose lines span two aggregates of one call. A call whose answer was lost is
put again, so a record may arrive twice; readers collapse it by event id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from producers.batching import MAX_RECORD_BYTES, Record
from producers.routing import Shard
from schemas import aws_errors
from schemas.errors import ConfigError, WorkFailedError

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient
    from mypy_boto3_kinesis.type_defs import (
        PutRecordsOutputTypeDef,
        PutRecordsRequestEntryTypeDef,
        PutRecordsResultEntryTypeDef,
    )


class PutRecordsClient(Protocol):
    """The one operation that putting needs."""

    def put_records(
        self, *, StreamName: str, Records: Sequence[PutRecordsRequestEntryTypeDef]
    ) -> PutRecordsOutputTypeDef:
        """Put up to 500 records; each has its own result."""
        ...


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often to try and how long to wait in between.

    Attributes:
        tries: calls for one batch in all.
        first_s: the longest wait before the second try; each further one doubles it.
        longest_s: the cap of that.
    """

    tries: int = 8
    first_s: float = 0.05
    longest_s: float = 2.0

    def wait_s(self, failures: int, uniform: float) -> float:
        """Return the wait after so many failed tries, for a uniform draw from [0, 1).

        Full jitter, so that producers who were throttled together do not come back together.
        """
        return uniform * min(self.longest_s, self.first_s * 2.0 ** (failures - 1))


@dataclass(slots=True)
class Outcome:
    """Where each record of a batch ended: sent, or unsent with the reason.

    Attributes:
        retried: how many times a record was put again.
        is_call_failure: the last call failed as a whole, so the next batch would fare no better.
    """

    sent: list[Record] = field(default_factory=list)
    unsent: list[tuple[Record, str]] = field(default_factory=list)
    retried: int = 0
    is_call_failure: bool = False


class Putter:
    """Puts batches into one stream.

    Args:
        client: made without retries of its own, see `run`.
        stream: its name.
        backoff: the bound.
        sleep: waits so many seconds.
        uniform: draws from [0, 1).
    """

    def __init__(
        self,
        client: PutRecordsClient,
        stream: str,
        backoff: Backoff,
        sleep: Callable[[float], object],
        uniform: Callable[[], float],
    ) -> None:
        self._client = client
        self._stream = stream
        self._backoff = backoff
        self._sleep = sleep
        self._uniform = uniform

    def put(self, batch: Sequence[Record]) -> Outcome:
        """Put a batch that one call may hold; every record of it is in the outcome, once."""
        outcome = Outcome()
        pending: list[Record] = []
        for record in batch:
            if record.size_bytes > MAX_RECORD_BYTES:
                outcome.unsent.append((record, f"{record.size_bytes} bytes, a record may hold {MAX_RECORD_BYTES}"))
            else:
                pending.append(record)
        failed = [(record, "") for record in pending]
        for tried in range(self._backoff.tries):
            if not failed:
                break
            if tried:
                self._sleep(self._backoff.wait_s(tried, self._uniform()))
                outcome.retried += len(failed)
            failed, may_retry = self._try([record for record, _ in failed], outcome)
            if not may_retry:
                break
        outcome.unsent += failed
        return outcome

    def _try(self, records: list[Record], outcome: Outcome) -> tuple[list[tuple[Record, str]], bool]:
        """Return what was not taken, with reasons, and whether another try makes sense."""
        try:
            results = self._client.put_records(StreamName=self._stream, Records=[_entry(r) for r in records])["Records"]
        except (ClientError, BotoCoreError) as error:
            outcome.is_call_failure = True
            return [(record, str(error)) for record in records], is_transient(error)
        outcome.is_call_failure = False
        failed = []
        for record, result in zip(records, results, strict=True):
            if result.get("ErrorCode"):
                failed.append((record, _reason(result)))
            else:
                outcome.sent.append(record)
        return failed, True


def is_transient(error: Exception) -> bool:
    """Say whether a call that raised this may succeed when it is repeated."""
    if not isinstance(error, ClientError):
        return isinstance(error, HTTPClientError | ConnectionError)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return aws_errors.is_transient(str(error.response.get("Error", {}).get("Code")), status)


def open_shards(client: KinesisClient, stream: str) -> list[Shard]:
    """Return the shards that take records now.

    Raises:
        ConfigError: there is no such stream.
        WorkFailedError: Kinesis cannot be reached.
    """
    try:
        pages = client.get_paginator("list_shards").paginate(StreamName=stream)
        shards = [shard for page in pages for shard in page["Shards"]]
    except client.exceptions.ResourceNotFoundException:
        raise ConfigError(
            f"there is no stream {stream!r}; create it, start the local one with `clickstream up`, "
            "or name another in CLICKSTREAM_STREAM"
        ) from None
    except (HTTPClientError, ConnectionError) as error:
        raise WorkFailedError(f"Kinesis cannot be reached: {error}; is the stack up? (`clickstream status`)") from error
    return [
        Shard(shard["ShardId"], int(shard["HashKeyRange"]["StartingHashKey"]))
        for shard in shards
        if "EndingSequenceNumber" not in shard["SequenceNumberRange"]
    ]


def _entry(record: Record) -> PutRecordsRequestEntryTypeDef:
    entry: PutRecordsRequestEntryTypeDef = {"Data": record.data, "PartitionKey": record.partition_key}
    if record.explicit_hash_key is not None:
        entry["ExplicitHashKey"] = record.explicit_hash_key
    return entry


def _reason(result: PutRecordsResultEntryTypeDef) -> str:
    return f"{result['ErrorCode']}: {result.get('ErrorMessage', '')}"
