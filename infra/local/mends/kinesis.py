"""Kinesis: concurrent writers lose nothing, closed shards end, filters and limits count, and reading does not walk.

The library hands two concurrent writers one sequence number, goes on putting to a split shard and never ends it, moves
the records of merged ones, and ignores shard filters. Source of the behaviour: the Kinesis Data Streams API reference
of GetRecords, ListShards and PutRecords.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left
from collections import OrderedDict
from threading import RLock
from typing import Any

from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import unix_time
from moto.kinesis import exceptions, models
from moto.kinesis.models import KinesisBackend, Shard, Stream
from moto.kinesis.responses import KinesisResponse
from moto.kinesis.utils import decompose_shard_iterator
from moto.utilities.utils import md5_hash

from infra.local.mends.mend import Mend

MAX_RECORD_BYTES = 1 << 20
MAX_REQUEST_BYTES = 10 << 20
MAX_REQUEST_RECORDS = 500
MAX_ANSWER_BYTES = 10 << 20
MAX_ANSWER_RECORDS = 10_000
_lock = RLock()
_enrich_response = BaseResponse._enrich_response
_get_shard_iterator = KinesisBackend.get_shard_iterator
_split_shard, _merge_shards = Stream.split_shard, Stream.merge_shards


class DenseShard(Shard):  # type: ignore[misc]
    """A shard whose sequence numbers run 1, 2, 3 …, so that its end and any position are found without a walk."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.opened_at: float = unix_time()
        self.closed_at: float | None = None

    def put_record(self, partition_key: str, data: str, explicit_hash_key: str) -> str:
        """Append a record and return its sequence number."""
        number = len(self.records) + 1
        self.records[number] = models.Record(partition_key, data, number, explicit_hash_key)
        return str(number)

    def get_records(self, last_sequence_id: str, limit: int | None) -> tuple[list[Any], int, int]:
        """Return (records after a position, the position reached, milliseconds behind the end or 0 at it)."""
        position, end = int(last_sequence_id), len(self.records)
        found: list[Any] = []
        size_bytes = 0
        while position < end and len(found) < min(limit or MAX_ANSWER_RECORDS, MAX_ANSWER_RECORDS):
            record = self.records[position + 1]
            size_bytes += _decoded_bytes(record.data)
            if found and size_bytes > MAX_ANSWER_BYTES:
                break
            found.append(record)
            position += 1
        behind = 0 if position >= end else max(1, int((unix_time() - self.records[position].created_at) * 1000))
        return found, position, behind

    def get_min_sequence_number(self) -> int:
        """Return the first sequence number, or 0 of an empty shard."""
        return min(1, len(self.records))

    def get_max_sequence_number(self) -> int:
        """Return the last sequence number, or 0 of an empty shard."""
        return len(self.records)

    def get_sequence_number_at(self, at_timestamp: float) -> int:
        """Return the last sequence number before an instant, or 0."""
        numbers = range(1, len(self.records) + 1)
        return bisect_left(numbers, at_timestamp, key=lambda number: self.records[number].created_at)


def _get_shard_for_key(stream: Any, partition_key: str, explicit_hash_key: str | None) -> Any:
    if not isinstance(partition_key, str) or not 1 <= len(partition_key) <= 256:
        raise exceptions.InvalidArgumentError("partition_key")
    key = int(explicit_hash_key or md5_hash(partition_key.encode()).hexdigest(), 10 if explicit_hash_key else 16)
    for shard in stream.shards.values():
        if shard.is_open and shard.starting_hash <= key <= shard.ending_hash:
            return shard
    raise exceptions.InvalidArgumentError("explicit_hash_key")


def _close(stream: Any, *shards: Any) -> None:
    for shard in shards:
        shard.closed_at = unix_time()
    stream.shard_count = sum(shard.is_open for shard in stream.shards.values())


def _split(stream: Any, shard_to_split: str, new_starting_hash_key: str) -> None:
    shard = stream.shards[shard_to_split]
    with _lock:
        # The library puts the records anew; in Kinesis they stay where and what they are.
        kept, shard.records = shard.records, OrderedDict()
        try:
            _split_shard(stream, shard_to_split, new_starting_hash_key)
        finally:
            shard.records = kept
        _close(stream, shard)


def _merge(stream: Any, shard_to_merge: str, adjacent_shard_to_merge: str) -> None:
    pair = [stream.shards[shard_to_merge], stream.shards[adjacent_shard_to_merge]]
    low, high = sorted(pair, key=lambda shard: int(shard.starting_hash))
    with _lock:
        kept = low.records, high.records
        low.records, high.records = OrderedDict(), OrderedDict()
        try:
            _merge_shards(stream, low.shard_id, high.shard_id)
        finally:
            low.records, high.records = kept
        _close(stream, low, high)


def _put_record(
    backend: Any, stream_arn: str, stream_name: str, partition_key: str, explicit_hash_key: str, data: str
) -> tuple[str, str]:
    record = {"PartitionKey": partition_key, "ExplicitHashKey": explicit_hash_key, "Data": data}
    placed = _put_records(backend, stream_arn, stream_name, [record])["Records"][0]
    return placed["SequenceNumber"], placed["ShardId"]


def _put_records(backend: Any, stream_arn: str, stream_name: str, records: list[dict[str, Any]]) -> dict[str, Any]:
    _check_limits(records)
    stream = backend.describe_stream(stream_arn=stream_arn, stream_name=stream_name)
    with _lock:
        placed = [stream.put_record(r["PartitionKey"], r.get("ExplicitHashKey"), r["Data"]) for r in records]
    answers = [{"SequenceNumber": number, "ShardId": shard_id} for number, shard_id in placed]
    return {"FailedRecordCount": 0, "Records": answers}


def _check_limits(records: list[dict[str, Any]]) -> None:
    if len(records) > MAX_REQUEST_RECORDS:
        raise exceptions.TooManyRecords
    sizes = [_decoded_bytes(record["Data"]) + len(record["PartitionKey"].encode()) for record in records]
    for position, size in enumerate(sizes, start=1):
        if size > MAX_RECORD_BYTES:
            raise exceptions.RecordSizeExceedsLimit(position=position)
    if sum(sizes) > MAX_REQUEST_BYTES:
        raise exceptions.InvalidArgumentError("Records size exceeds 10 MB limit")


def _decoded_bytes(base64_text: str) -> int:
    return len(base64_text) * 3 // 4 - base64_text[-2:].count("=")


def _iterator_by_name(backend: Any, stream_arn: str | None, stream_name: str | None, *rest: Any) -> Any:
    # GetRecords knows the stream only by the name inside the iterator.
    name = backend.describe_stream(stream_arn, stream_name).stream_name
    return _get_shard_iterator(backend, stream_arn, name, *rest)


def _answer_get_records(response: Any) -> Any:
    backend, iterator = response.kinesis_backend, response._get_param("ShardIterator")
    stream_name, shard_id, _ = decompose_shard_iterator(iterator)
    with _lock:
        following, records, behind = backend.get_records(None, iterator, response._get_param("Limit"))
        stream = backend.describe_stream(None, stream_name)
        shard = stream.get_shard(shard_id)
        has_ended = not shard.is_open and behind == 0
    answer: dict[str, Any] = {"Records": [record.to_json() for record in records], "MillisBehindLatest": behind}
    if has_ended:
        answer["ChildShards"] = [_child(child) for child in stream.shards.values() if shard_id in _parents(child)]
    else:
        answer["NextShardIterator"] = following
    return ActionResult(answer)


def _parents(shard: Any) -> list[str]:
    return [parent for parent in (shard.parent, shard.adjacent_parent) if parent]


def _child(shard: Any) -> dict[str, Any]:
    return {
        "ShardId": shard.shard_id,
        "ParentShards": _parents(shard),
        "HashKeyRange": shard.to_json()["HashKeyRange"],
    }


def _answer_list_shards(response: Any) -> Any:
    token = response._get_param("NextToken")
    asked = json.loads(urlsafe_b64decode(token)) if token else _first_page(response)
    stream = response.kinesis_backend.describe_stream(asked["arn"], asked["name"])
    shards = sorted(stream.shards.values(), key=lambda shard: str(shard.shard_id))
    chosen = [shard for shard in shards if shard.shard_id > asked["after"] and _passes(shard, asked["filter"])]
    page = chosen[: response._get_param("MaxResults") or 1000]
    answer: dict[str, Any] = {"Shards": [shard.to_json() for shard in page]}
    if len(page) < len(chosen):
        asked["after"] = page[-1].shard_id
        answer["NextToken"] = urlsafe_b64encode(json.dumps(asked).encode()).decode()
    return ActionResult(answer)


def _first_page(response: Any) -> dict[str, Any]:
    shard_filter: dict[str, Any] = response._get_param("ShardFilter") or {}
    kind, instant = shard_filter.get("Type", "FROM_TRIM_HORIZON"), shard_filter.get("Timestamp")
    after = shard_filter.get("ShardId") if kind == "AFTER_SHARD_ID" else response._get_param("ExclusiveStartShardId")
    return {
        "arn": response._get_param("StreamARN"),
        "name": response._get_param("StreamName"),
        "after": after or "",
        "filter": [kind, instant],
    }


def _passes(shard: Any, shard_filter: tuple[str, float | None]) -> bool:
    kind, instant = shard_filter
    closed_at = shard.closed_at or float("inf")
    rules: dict[str, bool] = {
        "AT_LATEST": shard.is_open,
        "AT_TRIM_HORIZON": not _parents(shard),
        "AT_TIMESTAMP": shard.opened_at <= (instant or 0) < closed_at,
        "FROM_TIMESTAMP": (instant or 0) < closed_at,
    }
    return rules.get(kind, True)


def _enrich(headers: dict[str, str], body: Any) -> tuple[dict[str, str], Any]:
    """Do as the library does, without its search through the whole body for what only XML has."""
    return _enrich_response(headers, "")[0], body


MEND = Mend(
    "kinesis",
    (
        (models, "Shard", DenseShard),
        (Stream, "get_shard_for_key", _get_shard_for_key),
        (Stream, "split_shard", _split),
        (Stream, "merge_shards", _merge),
        (KinesisBackend, "put_record", _put_record),
        (KinesisBackend, "put_records", _put_records),
        (KinesisBackend, "get_shard_iterator", _iterator_by_name),
        (KinesisResponse, "get_records", _answer_get_records),
        (KinesisResponse, "list_shards", _answer_list_shards),
        (KinesisResponse, "_enrich_response", staticmethod(_enrich)),
    ),
)
