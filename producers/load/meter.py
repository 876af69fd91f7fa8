"""What one process measures of its own load: when its events were acknowledged, beside when they were due.

Pure. It takes the times of calls from whoever makes them and computes when an event was due from the schedule, so that
nothing which is slow in the process can move that. Not safe for use from several threads, `put` and `purchases` apart,
which one thread may count while another cuts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from producers.batching import Record
from producers.load.histogram import Histogram
from producers.load.timeline import ON_TIME_S, Sample
from producers.results import Refused, Result, Taken
from schemas.pricing.units import FIREHOSE_UNIT_BYTES, ON_DEMAND_UNIT_BYTES, PAYLOAD_UNIT_BYTES

# See `producers.stamping`: the end of a line. Looking for it is three times as fast as taking the record apart.
_STAMPED = re.compile(rb'producer_seq":(\d+)\}').findall
Due = Callable[[NDArray[np.int64]], NDArray[np.float64]]


class Meter:
    """Measures until it is cut, again and again.

    Args:
        process: its index.
        due_s: when the events of some numbers in the order of put were due, in seconds after the start.
        start_s: the start, by the clock of the times that are told.

    Attributes:
        put: events handed to the producer so far.
        purchases: purchases among them.
    """

    def __init__(self, process: int, due_s: Due, start_s: float) -> None:
        self.put = 0
        self.purchases = 0
        self._process = process
        self._due_s = due_s
        self._start_s = start_s
        self._cut = (0, 0)
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._sample = Sample(process=self._process, interval=0)
        self._calls_s: list[float] = []
        # Counted together at the cut, since arrays of a record each would cost several times as much.
        self._stamps: list[bytes] = []
        self._acknowledged: list[tuple[int, float]] = []

    def called(self, records: Sequence[Record], results: Sequence[Result], began_s: float, ended_s: float) -> None:
        """Take a PutRecords call that has ended: its records, their results, and when it began and ended."""
        sample = self._sample
        self._calls_s.append(ended_s - began_s)
        sample.calls += 1
        sample.failed_calls += any(isinstance(result, Refused) and result.is_whole_call for result in results)
        for record, result in zip(records, results, strict=True):
            if record.lines and isinstance(result, Taken):
                stamps = _STAMPED(record.data)
                self._stamps += stamps
                self._acknowledged.append((len(stamps), ended_s))
                self._bill(record)

    def _bill(self, record: Record) -> None:
        sample, size_bytes = self._sample, len(record.data)
        sample.records += 1
        sample.bytes += size_bytes
        sample.payload_units += _units(size_bytes, PAYLOAD_UNIT_BYTES)
        sample.on_demand_units += _units(size_bytes, ON_DEMAND_UNIT_BYTES)
        sample.firehose_record_units += _units(size_bytes, FIREHOSE_UNIT_BYTES)
        # Exact where no event of the record is larger than a unit, and never too little for one alone.
        sample.firehose_units += max(record.lines, _units(size_bytes, FIREHOSE_UNIT_BYTES))

    def cut(self, interval: int, memory_bytes: int, cpu_s: float) -> Sample:
        """Return what was measured since the last cut and begin anew; what the producer counts is not in it.

        Args:
            interval: the interval that it is for.
            memory_bytes: resident memory of the process now.
            cpu_s: its processor time so far.
        """
        sample = self._sample
        late_s = self._late_s()
        sample.on_time = int(np.count_nonzero(late_s <= ON_TIME_S))
        latency, service = Histogram(), Histogram()
        latency.add(late_s * 1e6)
        service.add(np.asarray(self._calls_s) * 1e6)
        put, purchases = self.put, self.purchases
        sample.put, sample.purchases = put - self._cut[0], purchases - self._cut[1]
        self._cut = (put, purchases)
        sample.interval = interval
        sample.latency, sample.service = latency.counts(), service.counts()
        sample.memory_bytes, sample.cpu_s = memory_bytes, cpu_s
        self._begin_anew()
        return sample

    def _late_s(self) -> NDArray[np.float64]:
        """Return how long after they were due the events were acknowledged."""
        numbers = np.fromstring(b" ".join(self._stamps), dtype=np.int64, sep=" ")
        counts, times_s = zip(*self._acknowledged, strict=True) if self._acknowledged else ((), ())
        at_s = np.repeat(np.asarray(times_s, dtype=np.float64), np.asarray(counts, dtype=np.int64))
        late: NDArray[np.float64] = (at_s - self._start_s) - self._due_s(numbers)
        return late


def _units(size_bytes: int, unit_bytes: int) -> int:
    return -(-size_bytes // unit_bytes)
