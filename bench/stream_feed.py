"""The source of the benchmark's Flink jobs: it costs next to nothing, and all of them have the same.

Java counts, each number stands for one fetch from a shard, and a Python operator hands on its records in the form and
in the way of our own poller. What it costs to take records out of Python is thus in every figure.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from pyflink.common import WatermarkStrategy
from pyflink.datastream import DataStream, ProcessFunction, StreamExecutionEnvironment
from pyflink.datastream.connectors.number_seq import NumberSequenceSource

from bench.stream_input import ARRIVAL_US, FETCH_RECORDS, Packing, Pool
from stream_jobs.record_type import RECORD_TYPE

_WITHOUT_END = 2**62
_SHARD = "shardId-000000000000"
_SEQUENCE_NUMBER = "49590338271490256608559692538361571095921575989136588898"
_IDLE_S = 0.05


def feed(environment: StreamExecutionEnvironment, packing: Packing, fetches: int | None = None) -> DataStream:
    """Return records as the job's own sources do.

    Args:
        environment: where to put the source.
        packing: of the records.
        fetches: how many there are; the source rests then, and does not end.
    """
    counting = NumberSequenceSource(0, _WITHOUT_END)
    return (
        environment.from_source(counting, WatermarkStrategy.no_watermarks(), "fetches")
        .process(_Feed(packing, fetches), RECORD_TYPE)
        .name("feed")
    )


class _Feed(ProcessFunction):  # type: ignore[misc]
    def __init__(self, packing: Packing, fetches: int | None) -> None:
        self._packing = packing
        self._fetches = fetches

    def open(self, runtime_context: Any) -> None:
        self._pool = Pool()

    def process_element(self, value: int, ctx: Any) -> Iterator[tuple[bytes, int, str, str, bool]]:
        if self._fetches is not None and value >= self._fetches:
            time.sleep(_IDLE_S)
            return
        for number in range(value * FETCH_RECORDS, (value + 1) * FETCH_RECORDS):
            if self._packing is Packing.AGGREGATED:
                yield self._pool.blob(number), ARRIVAL_US, _SHARD, _SEQUENCE_NUMBER, False
            else:
                for line in self._pool.lines(number):
                    yield line, ARRIVAL_US, _SHARD, _SEQUENCE_NUMBER, False
