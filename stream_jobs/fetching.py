"""Reading the stream with boto3: rounds over the open shards of some slots, from positions that the caller keeps.

Handles what a reader meets: new shards after a reshard, iterators that expired, throttling, an endpoint that goes away
and comes back. Keeps no position of its own beyond the process; knows nothing of Flink.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from schemas.errors import WorkFailedError
from schemas.instants import datetime_to_us
from stream_jobs.aws_calls import call_until_answered, code_of, fault_of, having
from stream_jobs.patience import Patience
from stream_jobs.publishing import Fault
from stream_jobs.shards import ENDED, Shard, iterator_arguments, readable, slot_of

_DISCOVERY_INTERVAL_S = 5.0
# Of a shard that is read, the last answer is as old as the pause between rounds.
_SILENT_AFTER_S = 5.0
# A full answer of aggregated records stays near the 10 MB that Kinesis itself would cut it at.
_RECORDS_PER_READ = 250


@dataclass(frozen=True, slots=True)
class Record:
    """One Kinesis record."""

    data: bytes
    arrival_us: int
    sequence_number: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one read gave.

    Attributes:
        ended: the shard is closed, and this was its end.
        is_backlog: the fetcher had not read the shard to its end before, so that its records may be older than itself.
    """

    slot: int
    shard_id: str
    records: tuple[Record, ...]
    ended: bool
    is_backlog: bool

    @property
    def position(self) -> str:
        """Where the shard was read to by this, see `shards`."""
        return ENDED if self.ended else self.records[-1].sequence_number

    @property
    def size_bytes(self) -> int:
        """Of the records' data."""
        return sum(len(record.data) for record in self.records)


@dataclass(frozen=True, slots=True)
class SlotPositions:
    """Where one slot stands.

    Attributes:
        slot: its number.
        start: where its shards without a position begin, see `shards.start_of`.
        positions: where its shards were read to.
    """

    slot: int
    start: str
    positions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Behind:
    """How far behind a shard was when it answered last."""

    behind_ms: int
    answered_s: float

    def at(self, now_s: float) -> int:
        silent_s = now_s - self.answered_s
        return self.behind_ms + (round(silent_s * 1000) if silent_s > _SILENT_AFTER_S else 0)


class Fetcher:
    """Reads the shards of the slots that it is given; safe for use by one thread.

    Args:
        client: a Kinesis client.
        stream: the stream's name.
        created_us: when it was created.
        slots: how many there are in all, here and elsewhere.
        ended: grows by every shard of the stream whose last record went on its way, whoever read it.
        patience: makes what failures in a row of one kind are borne with.
        monotonic: a clock in seconds.

    Attributes:
        busy_slots: those with a shard to read, as of the last round; for any thread to ask.
    """

    def __init__(
        self,
        client: Any,
        stream: str,
        created_us: int,
        slots: int,
        ended: set[str],
        patience: Callable[[], Patience],
        monotonic: Callable[[], float],
    ) -> None:
        self._client = client
        self._stream = stream
        self._created_us = created_us
        self._slots = slots
        self._ended = ended
        self._patience = patience
        self._monotonic = monotonic
        self.busy_slots: frozenset[int] = frozenset()
        self._starts: dict[int, str] = {}
        self._positions: dict[str, str] = {}
        self._caught_up: set[str] = set()
        self._shards: list[Shard] = []
        self._discover_at_s = float("-inf")
        self._ended_then = 0
        self._iterators: dict[str, str] = {}
        self._behind: dict[str, _Behind] = {}
        # One for each shard: a shard that answers must not make another's failures forgotten.
        self._read_patience: defaultdict[str, Patience] = defaultdict(patience)

    def adopt(self, slot: SlotPositions) -> None:
        """Read the shards of this slot too from now on."""
        self._starts[slot.slot] = slot.start
        self._positions.update(slot.positions)

    @property
    def millis_behind_latest(self) -> int:
        """How far the shard that is furthest behind is behind, at most; for any thread to ask.

        It grows while a shard is not read: because it does not answer, or nobody takes what was.
        """
        now_s = self._monotonic()
        return max((behind.at(now_s) for behind in list(self._behind.values())), default=0)

    def round(self) -> Iterator[Fetched]:
        """Read each open shard once; gives only reads that moved a position.

        Raises:
            WorkFailedError: the stream cannot be read, at once or until patience ran out.
            StoppedError: the job is closing.
        """
        self._discover()
        open_shards = [
            (slot, shard_id)
            for shard_id in readable(self._shards, self._positions, self._ended)
            if (slot := slot_of(shard_id, self._slots)) in self._starts
        ]
        self.busy_slots = frozenset(slot for slot, _ in open_shards)
        for slot, shard_id in open_shards:
            self._behind.setdefault(shard_id, _Behind(0, self._monotonic()))
            fetched = self._read(slot, shard_id)
            if fetched is None or not (fetched.records or fetched.ended):
                continue
            self._positions[shard_id] = fetched.position
            yield fetched

    def _discover(self) -> None:
        ended_now = len(self._ended)
        if ended_now == self._ended_then and self._monotonic() < self._discover_at_s:
            return
        self._require_same_stream()
        self._shards = self._list_shards()
        self._ended_then = ended_now
        self._discover_at_s = self._monotonic() + _DISCOVERY_INTERVAL_S

    def _read(self, slot: int, shard_id: str) -> Fetched | None:
        iterator = self._iterators.pop(shard_id, None) or self._new_iterator(slot, shard_id)
        what = f"read shard {shard_id} of stream {self._stream}"
        try:
            answer = having("Records", self._client.get_records(ShardIterator=iterator, Limit=_RECORDS_PER_READ))
        except (BotoCoreError, ClientError) as error:
            # Without its iterator the next round asks for one after the last position, which also mends an expired one.
            if fault_of(error) is Fault.FATAL and code_of(error) != "ExpiredIteratorException":
                raise WorkFailedError(f"{what}: {error}") from error
            self._read_patience[shard_id].failed(f"{what}: {error}", error)
            return None
        self._read_patience[shard_id].succeeded()
        following = answer.get("NextShardIterator")
        if following:
            self._iterators[shard_id] = following
            self._behind[shard_id] = _Behind(int(answer.get("MillisBehindLatest", 0)), self._monotonic())
        else:
            self._behind.pop(shard_id, None)
        records = tuple(
            Record(record["Data"], datetime_to_us(record["ApproximateArrivalTimestamp"]), record["SequenceNumber"])
            for record in answer["Records"]
        )
        is_backlog = shard_id not in self._caught_up
        # Both, since an emulator counts how far behind it is by a clock that may have been set back.
        if int(answer.get("MillisBehindLatest", 0)) <= 0 and len(records) < _RECORDS_PER_READ:
            self._caught_up.add(shard_id)
        return Fetched(slot, shard_id, records, ended=not following, is_backlog=is_backlog)

    def _new_iterator(self, slot: int, shard_id: str) -> str:
        arguments = iterator_arguments(self._positions.get(shard_id), self._starts[slot])
        answer = call_until_answered(
            f"find the position in shard {shard_id} of stream {self._stream}",
            lambda: self._client.get_shard_iterator(StreamName=self._stream, ShardId=shard_id, **arguments),
            self._patience(),
            "ShardIterator",
        )
        return str(answer["ShardIterator"])

    def _require_same_stream(self) -> None:
        answer = call_until_answered(
            f"describe stream {self._stream}",
            lambda: self._client.describe_stream_summary(StreamName=self._stream),
            self._patience(),
            "StreamDescriptionSummary",
        )
        if datetime_to_us(answer["StreamDescriptionSummary"]["StreamCreationTimestamp"]) != self._created_us:
            raise WorkFailedError(f"stream {self._stream} was created anew under the job: start the job again")

    def _list_shards(self) -> list[Shard]:
        found: list[Shard] = []
        page: dict[str, str] = {"StreamName": self._stream}
        while page:
            answer = call_until_answered(
                f"list the shards of stream {self._stream}",
                lambda page=page: self._client.list_shards(**page),  # type: ignore[misc]
                self._patience(),
                "Shards",
            )
            for shard in answer["Shards"]:
                parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
                found.append(Shard(shard["ShardId"], tuple(parent for parent in parents if parent)))
            page = {"NextToken": answer["NextToken"]} if answer.get("NextToken") else {}
        return found
