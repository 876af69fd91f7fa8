"""The Kinesis source in pure Python, for machines without the connector's jar.

A thread fetches ahead; timers only drain it, so that no call to Kinesis holds up a checkpoint. Positions and records
move in one step of the task, which makes them exact with regard to checkpoints.

The timers are no instants but turns: they lie in the past of any clock, so that Flink fires them at once. A timer at an
instant would be held up by a clock that is set back, for as long as it was set back.

Shards are dealt out to a fixed number of slots by their number, and each slot is one key of Flink's, with the positions
of its shards as its state. Which slot reads a shard depends on nothing else, so that none is read twice and none is
forgotten, whatever the parallelism of this life and of the one before. Limits:

- More subtasks than slots stay idle.
- A child waits for its parents wherever they are read: the shards that have ended are known to the whole process. All
  subtasks therefore have to run in one process, as they do on one machine.
- Beyond parallelism 1, the last records of a parent and the first of its child may reach the next operator by different
  ways; the child's are read only after the parent's were sent, which makes an overtaking unlikely but not impossible.
- A shard that has ended stays in the state, some sixty bytes of it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyflink.common import Duration, Types, WatermarkStrategy
from pyflink.datastream import DataStream, KeyedProcessFunction, StreamExecutionEnvironment
from pyflink.datastream.connectors.file_system import FileSource, StreamFormat
from pyflink.datastream.state import MapStateDescriptor

from stream_jobs import aws_calls
from stream_jobs.fetching import Fetcher, SlotPositions
from stream_jobs.job_log import OpenLog, log_of_flink
from stream_jobs.lives import flink_uri, write_whole
from stream_jobs.metrics import Metrics
from stream_jobs.one_processor import share_one_processor
from stream_jobs.prefetch import Prefetch
from stream_jobs.record_type import BEGINNING, RECORD_TYPE
from stream_jobs.shards import ENDED
from stream_jobs.spread import spread_keys
from stream_jobs.troubles import Troubles, TroubleTeller

# Part of the state: another number would deal the shards out anew and read them from other positions.
SLOTS = 8
_RECORDS_PER_TURN = 2_000
# How long a turn waits for records; a checkpoint begins no later than this.
_TURN_S = 0.025
_FIRST_TURN = -(1 << 62)
# So many turns are skipped at the beginning of an attempt. The lowest turn comes first, and slots that come together
# from subtasks of an earlier life have seen different numbers of turns: the first to come must not keep the others off.
_SKIPPED_TURNS = 10**12
# Slots without a shard to read sit out so many turns.
_IDLE_TURNS = 10
_START_KEY = "@start"  # no shard can be called so


@dataclass(frozen=True, slots=True)
class PollerConfig:
    """What the poller reads.

    Attributes:
        stream: the stream's name.
        created_us: when it was created; another stream under its name is not read on.
        start: where shards without a position begin, see `shards.start_of`.
        outage_deadline_s: how long the stream may be unreachable before the job fails.
        idle_wait_s: how long to wait before another round where one gave nothing.
        folder: where the poller keeps its seed; `pause` in it makes the poller rest.
    """

    stream: str
    created_us: int
    start: str
    outage_deadline_s: float
    folder: Path
    idle_wait_s: float

    @property
    def pause_file(self) -> Path:
        """The file that makes the poller rest while it exists."""
        return self.folder / "pause"


def idle_wait_s(*, is_emulated: bool) -> float:
    """Return how long to wait after a round without a record: Kinesis grants a shard five reads a second in all."""
    return 0.05 if is_emulated else 0.25


def poll(environment: StreamExecutionEnvironment, config: PollerConfig) -> DataStream:
    """Return the records of the stream as `RECORD_TYPE`."""
    seed = config.folder / "seed"
    seed.mkdir(parents=True, exist_ok=True)
    if not (seed / "slots").exists():
        write_whole(seed / "slots", "".join(f"{slot}\n" for slot in range(SLOTS)).encode())
    # A source that ends would end the job and drop the timers; one that watches a folder stays, and costs nothing.
    source = (
        FileSource.for_record_stream_format(StreamFormat.text_line_format(), flink_uri(seed))
        .monitor_continuously(Duration.of_days(1))
        .build()
    )
    # As for parallelism 1, always: the keys are part of the state.
    keys = spread_keys(SLOTS, 1)
    return (
        environment.from_source(source, WatermarkStrategy.no_watermarks(), "seed")
        .uid("seed")
        .set_parallelism(1)
        .key_by(lambda slot: keys[int(slot)], Types.INT())
        .process(Poller(config, keys, log_of_flink()), RECORD_TYPE)
        .uid("poll")
        .name("poll")
    )


class Poller(KeyedProcessFunction):  # type: ignore[misc]
    """Drains, slot by slot, what its thread has fetched; see the module.

    Args:
        config: what to read.
        keys: the key of each slot.
        open_log: opens the operator's log.
    """

    def __init__(self, config: PollerConfig, keys: list[int], open_log: OpenLog) -> None:
        self._config = config
        self._open_log = open_log
        self._slots = {key: slot for slot, key in enumerate(keys)}

    def open(self, runtime_context: Any) -> None:
        """Called once for each attempt, before any element or timer; keyed state cannot be read yet."""
        share_one_processor()
        self._positions = runtime_context.get_map_state(MapStateDescriptor("positions", Types.STRING(), Types.STRING()))
        # The Python context's own accessors do not work in thread mode; Java's do.
        context = runtime_context._runtime_context
        job = str(context.getJobInfo().getJobId().toString())
        self._ended = _ended_shards(job, int(context.getTaskInfo().getAttemptNumber()))
        self._troubles = Troubles(time.monotonic)
        self._prefetch = Prefetch(self._open_fetcher, self._config.pause_file.exists, self._config.idle_wait_s)
        self._adopted: set[int] = set()
        self._turn = _FIRST_TURN
        metrics = Metrics(runtime_context.get_metrics_group())
        self._metrics = metrics
        metrics.level("unsettled", self._prefetch.unsettled)
        metrics.level("millis_behind_latest", self._prefetch.millis_behind_latest)
        self._teller = TroubleTeller(self._troubles, metrics, self._open_log("poll"))

    def process_element(self, value: str, ctx: Any) -> Iterator[Any]:
        """Called for each slot once in the life of the state, and again where the folder was moved."""
        if not self._positions.contains(_START_KEY):
            self._positions.put(_START_KEY, self._config.start)
            ctx.timer_service().register_processing_time_timer(_FIRST_TURN)
        return iter(())

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[tuple[bytes, int, str, str, bool]]:
        """Emit what was fetched for a slot meanwhile."""
        self._teller.look()
        slot = self._slots[ctx.get_current_key()]
        if slot not in self._adopted:
            self._adopt(slot)
            yield BEGINNING
            timestamp += _SKIPPED_TURNS
        elif timestamp > self._turn:
            self._prefetch.wait(_TURN_S)
        self._turn = max(self._turn, timestamp)
        yield from self._drain(slot)
        self._metrics.tell_levels(at_rest=not self._prefetch.unsettled())
        sits_out = _IDLE_TURNS if self._prefetch.is_idle(slot) else 0
        ctx.timer_service().register_processing_time_timer(self._turn + 1 + sits_out)

    def close(self) -> None:
        """Called when the attempt ends, for whatever reason."""
        self._prefetch.close()

    def _adopt(self, slot: int) -> None:
        self._adopted.add(slot)
        positions = dict(self._positions.items())
        start = positions.pop(_START_KEY)
        self._ended.update(shard_id for shard_id, position in positions.items() if position == ENDED)
        self._prefetch.adopt(SlotPositions(slot, start, positions))

    def _drain(self, slot: int) -> Iterator[tuple[bytes, int, str, str, bool]]:
        emitted = 0
        while emitted < _RECORDS_PER_TURN and (fetched := self._prefetch.take(slot)) is not None:
            self._positions.put(fetched.shard_id, fetched.position)
            for record in fetched.records:
                yield record.data, record.arrival_us, fetched.shard_id, record.sequence_number, fetched.is_backlog
            emitted += len(fetched.records)
            if fetched.ended:
                self._ended.add(fetched.shard_id)  # only now: its children may be read from here on

    def _open_fetcher(self, wait: Callable[[float], bool]) -> Fetcher:
        return Fetcher(
            aws_calls.client("kinesis"),
            self._config.stream,
            self._config.created_us,
            SLOTS,
            self._ended,
            lambda: aws_calls.patience(self._config.outage_deadline_s, wait, self._troubles),
            time.monotonic,
        )


_ended_lock = threading.Lock()
_ended_by_job: dict[str, tuple[int, set[str]]] = {}


def _ended_shards(job: str, attempt: int) -> set[str]:
    """Return the shards whose end has been sent on in one attempt of a job; its subtasks share one set.

    One for each attempt: an attempt goes back to a checkpoint, where a shard may not have ended yet. Flink restarts all
    subtasks of the job together, so their attempt numbers agree.
    """
    with _ended_lock:
        newest, ended = _ended_by_job.get(job, (-1, set()))
        if attempt == newest:
            return ended
        if attempt < newest:
            return set()  # for a subtask that has not heard yet that its attempt is over
        fresh: set[str] = set()
        _ended_by_job[job] = (attempt, fresh)
        return fresh
