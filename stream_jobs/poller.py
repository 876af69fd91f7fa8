"""The Kinesis source in pure Python, for machines without the connector's jar.

A thread fetches ahead into a bounded queue; a timer only drains it, so that no call to Kinesis holds up a checkpoint.
Positions and records move in one step of the task, which makes them exact with regard to checkpoints. One subtask reads
all shards.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyflink.common import Duration, Types, WatermarkStrategy
from pyflink.datastream import DataStream, KeyedProcessFunction, StreamExecutionEnvironment
from pyflink.datastream.connectors.file_system import FileSource, StreamFormat
from pyflink.datastream.state import MapStateDescriptor

from stream_jobs import aws_calls
from stream_jobs.fetching import Fetched, Fetcher
from stream_jobs.lives import flink_uri
from stream_jobs.patience import StoppedError
from stream_jobs.shards import ENDED

_QUEUE_READS = 20
_RECORDS_PER_TICK = 2_000
_TICK_MS = 5
_IDLE_WAIT_S = 0.05
_START_KEY = "@start"  # no shard can be called so

RECORD_TYPE = Types.TUPLE([Types.PRIMITIVE_ARRAY(Types.BYTE()), Types.LONG(), Types.STRING(), Types.STRING()])


@dataclass(frozen=True, slots=True)
class PollerConfig:
    """What the poller reads.

    Attributes:
        stream: the stream's name.
        created_us: when it was created; another stream under its name is not read on.
        start: where shards without a position begin, see `shards.start_of`.
        outage_deadline_s: how long the stream may be unreachable before the job fails.
        folder: where the poller keeps its seed; `pause` in it makes the poller rest.
    """

    stream: str
    created_us: int
    start: str
    outage_deadline_s: float
    folder: Path

    @property
    def pause_file(self) -> Path:
        """The file that makes the poller rest while it exists."""
        return self.folder / "pause"


def poll(environment: StreamExecutionEnvironment, config: PollerConfig) -> DataStream:
    """Return the records of the stream as (data, arrival in microseconds, shard id, sequence number)."""
    seed = config.folder / "seed"
    seed.mkdir(parents=True, exist_ok=True)
    if not (seed / "slots").exists():
        (seed / "slots").write_text("slot-0\n", encoding="utf-8")
    # A source that ends would end the job and drop the timers; one that watches a folder stays, and costs nothing.
    source = (
        FileSource.for_record_stream_format(StreamFormat.text_line_format(), flink_uri(seed))
        .monitor_continuously(Duration.of_days(1))
        .build()
    )
    return (
        environment.from_source(source, WatermarkStrategy.no_watermarks(), "seed")
        .uid("seed")
        .key_by(lambda slot: slot)
        .process(Poller(config), RECORD_TYPE)
        .uid("poll")
        .name("poll")
    )


class Poller(KeyedProcessFunction):  # type: ignore[misc]
    """Drains what its thread fetched; see the module."""

    def __init__(self, config: PollerConfig) -> None:
        self._config = config

    def open(self, runtime_context: Any) -> None:
        """Called once for each attempt, before any element or timer; keyed state cannot be read yet."""
        self._positions = runtime_context.get_map_state(MapStateDescriptor("positions", Types.STRING(), Types.STRING()))
        self._fetched: queue.Queue[Fetched] = queue.Queue(_QUEUE_READS)
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None
        metrics = runtime_context.get_metrics_group()
        metrics.gauge("unsettled", self._fetched.qsize)

    def process_element(self, value: str, ctx: Any) -> Iterator[Any]:
        """Called for the seed: once in the life of the state, and again where the folder was moved."""
        if not self._positions.contains(_START_KEY):
            self._positions.put(_START_KEY, self._config.start)
            self._arm(ctx, 1)
        return iter(())

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[tuple[bytes, int, str, str]]:
        """Emit what was fetched meanwhile."""
        if self._thread is None:
            positions = dict(self._positions.items())
            self._thread = threading.Thread(target=self._run, args=(positions,), name="kinesis-poller", daemon=True)
            self._thread.start()
        if self._failure is not None:
            raise self._failure
        emitted = 0
        while emitted < _RECORDS_PER_TICK:
            try:
                fetched = self._fetched.get_nowait()
            except queue.Empty:
                break
            self._positions.put(fetched.shard_id, ENDED if fetched.ended else fetched.records[-1].sequence_number)
            for record in fetched.records:
                yield record.data, record.arrival_us, fetched.shard_id, record.sequence_number
            emitted += len(fetched.records)
        self._arm(ctx, 1 if emitted else _TICK_MS)

    def close(self) -> None:
        """Called when the attempt ends, for whatever reason."""
        self._stop.set()

    def _arm(self, ctx: Any, in_ms: int) -> None:
        timers = ctx.timer_service()
        timers.register_processing_time_timer(timers.current_processing_time() + in_ms)

    def _run(self, positions: dict[str, str]) -> None:
        start = positions.pop(_START_KEY)
        try:
            fetcher = Fetcher(
                aws_calls.client("kinesis"),
                self._config.stream,
                self._config.created_us,
                start,
                positions,
                lambda: aws_calls.patience(self._config.outage_deadline_s, self._stop.wait),
                time.monotonic,
            )
            while not self._stop.is_set():
                if self._config.pause_file.exists() or not self._fetch_round(fetcher):
                    self._stop.wait(_IDLE_WAIT_S)
        except StoppedError:
            return
        except Exception as error:  # not swallowed: the task thread raises it
            self._failure = error

    def _fetch_round(self, fetcher: Fetcher) -> bool:
        came = False
        for fetched in fetcher.round():
            came = True
            while not self._stop.is_set():
                try:
                    self._fetched.put(fetched, timeout=0.5)
                    break
                except queue.Full:
                    continue
        return came
