"""Readers that share a stream under any reshards, any interleaving and any crash: each record once, parents first."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stream_jobs.fetching import Fetched, Fetcher, SlotPositions
from stream_jobs.patience import Patience
from stream_jobs.shards import ENDED, TRIM_HORIZON, slot_of

SLOTS = 4
KEYS = 4
BORN = datetime(2026, 11, 24, tzinfo=UTC)
RECORDS_PER_READ = 2


@dataclass
class FakeShard:
    name: str
    keys: range
    parents: list[str]
    records: list[str] = field(default_factory=list)
    is_open: bool = True


class FakeStream:
    """A Kinesis stream as its clients see it, with ranges of small numbers for hash keys."""

    def __init__(self) -> None:
        self.shards: list[FakeShard] = []
        self.put_per_key: defaultdict[int, list[str]] = defaultdict(list)
        self._open(range(KEYS // 2), [])
        self._open(range(KEYS // 2, KEYS), [])

    def put(self, key: int) -> None:
        """Put more records than one read takes."""
        for _ in range(RECORDS_PER_READ + 1):
            text = f"{key}:{len(self.put_per_key[key])}"
            self.put_per_key[key].append(text)
            self._of(key).records.append(text)

    def split(self, key: int) -> None:
        shard = self._of(key)
        if len(shard.keys) > 1:
            shard.is_open = False
            middle = len(shard.keys) // 2
            self._open(shard.keys[:middle], [shard.name])
            self._open(shard.keys[middle:], [shard.name])

    def merge(self, key: int) -> None:
        low = self._of(key)
        if low.keys.stop < KEYS:
            high = self._of(low.keys.stop)
            low.is_open = high.is_open = False
            self._open(range(low.keys.start, high.keys.stop), [low.name, high.name])

    def describe_stream_summary(self, **_: Any) -> dict[str, Any]:
        return {"StreamDescriptionSummary": {"StreamCreationTimestamp": BORN}}

    def list_shards(self, **_: Any) -> dict[str, Any]:
        names = ("ParentShardId", "AdjacentParentShardId")
        return {"Shards": [{"ShardId": s.name} | dict(zip(names, s.parents, strict=False)) for s in self.shards]}

    def get_shard_iterator(self, **arguments: Any) -> dict[str, Any]:
        return {"ShardIterator": f"{arguments['ShardId']} {arguments.get('StartingSequenceNumber', 0)}"}

    def get_records(self, *, ShardIterator: str, Limit: int) -> dict[str, Any]:
        name, position = ShardIterator.split()
        shard = next(shard for shard in self.shards if shard.name == name)
        end = min(int(position) + RECORDS_PER_READ, len(shard.records))
        records = [
            {"Data": shard.records[at].encode(), "SequenceNumber": str(at + 1), "ApproximateArrivalTimestamp": BORN}
            for at in range(int(position), end)
        ]
        has_ended = not shard.is_open and end == len(shard.records)
        return {"Records": records} | ({} if has_ended else {"NextShardIterator": f"{name} {end}"})

    def _of(self, key: int) -> FakeShard:
        return next(shard for shard in self.shards if shard.is_open and key in shard.keys)

    def _open(self, keys: range, parents: list[str]) -> None:
        self.shards.append(FakeShard(f"shardId-{len(self.shards):012}", keys, parents))


class Job:
    """Tasks that read the slots between them, as Flink runs them: what a crash takes back, it takes back everywhere."""

    def __init__(self, stream: FakeStream) -> None:
        self._stream = stream
        self.emitted: list[str] = []
        self._positions: dict[str, str] = {}
        self._checkpoint: tuple[list[str], dict[str, str]] = ([], {})
        self.restart(1)

    def checkpoint(self) -> None:
        self._checkpoint = (list(self.emitted), dict(self._positions))

    def restart(self, tasks: int) -> None:
        """Go on from the checkpoint with so many tasks, each with an equal share of the slots."""
        self.emitted, self._positions = list(self._checkpoint[0]), dict(self._checkpoint[1])
        self._ended: set[str] = set()
        self._tasks = [Task(self._stream, self._ended) for _ in range(tasks)]
        self._unadopted = deque(range(SLOTS))

    def adopt(self) -> None:
        """A slot's first timer comes."""
        if self._unadopted:
            slot = self._unadopted.popleft()
            mine = {shard_id: at for shard_id, at in self._positions.items() if slot_of(shard_id, SLOTS) == slot}
            self._ended.update(shard_id for shard_id, position in mine.items() if position == ENDED)
            self._tasks[slot % len(self._tasks)].fetcher.adopt(SlotPositions(slot, TRIM_HORIZON, mine))

    def fetch(self, task: int) -> None:
        self._tasks[task % len(self._tasks)].fetch()

    def drain(self, slot: int) -> None:
        ahead = self._tasks[slot % len(self._tasks)].ahead[slot]
        if ahead:
            fetched = ahead.popleft()
            self._positions[fetched.shard_id] = fetched.position
            self.emitted += [record.data.decode() for record in fetched.records]
            if fetched.ended:
                self._ended.add(fetched.shard_id)

    def run_for(self, steps: int, chance: Random) -> None:
        """Let the tasks begin, read and drain in any order."""
        for _ in range(steps):
            if chance.random() < 0.3:
                self.adopt()
            chance.choice((self.fetch, self.fetch, self.drain))(chance.randrange(SLOTS))

    def run_dry(self, reads: int) -> None:
        for _ in range(SLOTS):
            self.adopt()
        for step in range(reads * SLOTS):
            self.fetch(step)
            self.drain(step % SLOTS)


class Task:
    """One fetcher and what it has read ahead for each slot."""

    def __init__(self, stream: FakeStream, ended: set[str]) -> None:
        seconds = count()

        def patience() -> Patience:
            return Patience(60, lambda: 0, lambda _: False, lambda: 0)

        self.fetcher = Fetcher(stream, "stream", BORN_US, SLOTS, ended, patience, lambda: float(next(seconds)))
        self.ahead: defaultdict[int, deque[Fetched]] = defaultdict(deque)
        self._round: Iterator[Fetched] = iter(())

    def fetch(self) -> None:
        fetched = next(self._round, None)
        if fetched is None:
            self._round = self.fetcher.round()
            fetched = next(self._round, None)
        if fetched is not None:
            self.ahead[fetched.slot].append(fetched)


BORN_US = int(BORN.timestamp()) * 1_000_000
keys = st.integers(0, KEYS - 1)
steps = st.one_of(
    st.tuples(st.just("put"), keys),
    st.tuples(st.just("split"), keys),
    st.tuples(st.just("merge"), keys),
    st.tuples(st.just("run"), st.integers(5, 40)),
    st.just(("checkpoint", None)),
    st.tuples(st.just("restart"), st.integers(1, SLOTS)),
)


@settings(max_examples=200)
@given(st.lists(steps, max_size=60), st.integers(1, SLOTS), st.randoms(use_true_random=False))
def test_each_record_is_emitted_once_and_a_keys_records_in_order(
    plan: list[tuple[str, Any]], tasks: int, chance: Random
) -> None:
    stream = FakeStream()
    job = Job(stream)
    job.restart(tasks)
    for name, argument in plan:
        match name:
            case "put" | "split" | "merge":
                getattr(stream, name)(argument)
            case "run":
                job.run_for(argument, chance)
            case "restart":
                job.restart(argument)
            case _:
                getattr(job, name)()
    job.run_for(100, chance)
    job.run_dry(reads=20 * len(stream.shards) + 4 * len(plan))

    per_key: defaultdict[int, list[str]] = defaultdict(list)
    for text in job.emitted:
        per_key[int(text.partition(":")[0])].append(text)
    assert per_key == stream.put_per_key
