"""What happened in each interval of a load, put together from what the processes and onlookers tell.

Pure. An acknowledgement belongs to the interval in which it came, an event that is due to the one in which it is due.
Holds one row for each interval and two histograms for the whole, so that a long run takes no more memory than its rows.
"""

from __future__ import annotations

import math

import msgspec

from producers.load.histogram import Histogram
from producers.load.profiles import Profile

# An event is on time when its acknowledgement came within this of the moment when it was due.
ON_TIME_S = 1.0
# So many rows at most: a second each for two hours, longer ones for longer runs.
_MOST_ROWS = 7200


class Counts(msgspec.Struct, kw_only=True):
    """What is counted of a load, whoever did it and for however long.

    Attributes:
        put: events handed to the producer.
        sent: events acknowledged.
        on_time: those of them that were acknowledged within `ON_TIME_S` of when they were due.
        failed: events that could not be sent and were saved.
        calls: PutRecords calls that ended.
        failed_calls: those of them that failed as a whole.
        throttled: records that were refused because the stream was asked too much, each time.
        retried: records that were put again, each time.
        records: Kinesis records acknowledged.
        bytes: their data.
        payload_units: what Kinesis bills for them, see `schemas.pricing.load`.
        on_demand_units: the same of a stream without shards.
        firehose_units: what Firehose bills where it counts events: begun units of 5 KiB each, of what was put.
        firehose_record_units: the same where it counts records, of what was acknowledged.
        purchases: purchases among what was put.
    """

    put: int = 0
    sent: int = 0
    on_time: int = 0
    failed: int = 0
    calls: int = 0
    failed_calls: int = 0
    throttled: int = 0
    retried: int = 0
    records: int = 0
    bytes: int = 0
    payload_units: int = 0
    on_demand_units: int = 0
    firehose_units: int = 0
    firehose_record_units: int = 0
    purchases: int = 0


COUNTS = Counts.__struct_fields__


class Sample(Counts, kw_only=True, omit_defaults=True):
    """What one process did in one interval.

    Attributes:
        process: its index.
        interval: the number of the interval since the start.
        latency: `Histogram.counts` from when events were due to their acknowledgement.
        service: the same of the calls, from their start to their end.
        memory_bytes: resident memory of the process at the end of it.
        cpu_s: processor time of the process so far.
    """

    process: int
    interval: int
    latency: dict[int, int] = {}
    service: dict[int, int] = {}
    memory_bytes: int = 0
    cpu_s: float = 0.0


class Row(Counts, kw_only=True):
    """One interval of the whole load.

    Attributes:
        at_s: its begin, since the start.
        scheduled: events that were due in it.
        backlog: events due by its end and neither acknowledged nor saved.
        latency_p50_ms: of what was acknowledged in it, as all of these; None where nothing was.
        alerts: alerts acknowledged by their topic in it.
        alert_p50_ms: from the stream's arrival to that acknowledgement.
        behind_ms: how far the alert job was behind the newest record; None where it did not say.
        memory_bytes: of all processes; None where none told it.
    """

    at_s: float
    scheduled: int = 0
    backlog: int = 0
    latency_p50_ms: float | None = None
    latency_p99_ms: float | None = None
    latency_max_ms: float | None = None
    service_p50_ms: float | None = None
    service_p99_ms: float | None = None
    alerts: int = 0
    alert_p50_ms: float | None = None
    alert_p99_ms: float | None = None
    behind_ms: int | None = None
    memory_bytes: int | None = None


class Memory(msgspec.Struct, kw_only=True):
    """Resident memory of one process: at a quarter of the run, at its end, and the most."""

    process: int
    quarter_bytes: int = 0
    last_bytes: int = 0
    most_bytes: int = 0


def interval_s(seconds: float) -> int:
    """Return how long the intervals of a run are that takes so long."""
    return max(1, math.ceil(seconds / _MOST_ROWS))


def percentile_ms(histogram: Histogram, percent: float) -> float | None:
    """Return a percentile in milliseconds; None where nothing was counted."""
    found = histogram.percentile_us(percent)
    return None if found is None else found / 1000


class Timeline:
    """The rows of one run.

    Args:
        profile: what was due.
        step_s: how long an interval is.
        started_us: the instant of its start.
    """

    def __init__(self, profile: Profile, step_s: int, started_us: int) -> None:
        self.step_s = step_s
        self.latency = Histogram()
        self.service = Histogram()
        self.alert_latency = Histogram()
        self.alert_since_due = Histogram()
        self.memory: dict[int, Memory] = {}
        self.cpu_s: dict[int, float] = {}
        self.seconds = profile.seconds
        self._profile = profile
        self._started_us = started_us
        self._rows: list[Row] = []
        # Of the last intervals only, so that memory does not grow with the run.
        self._open: dict[str, dict[int, Histogram]] = {"latency": {}, "service": {}, "alert": {}}

    def add(self, sample: Sample) -> None:
        """Take what a process did in an interval."""
        row = self._row(sample.interval)
        for name in COUNTS:
            setattr(row, name, getattr(row, name) + getattr(sample, name))
        row.memory_bytes = (row.memory_bytes or 0) + sample.memory_bytes
        self.cpu_s[sample.process] = max(sample.cpu_s, self.cpu_s.get(sample.process, 0.0))
        self._remember(sample)
        for name, counts, whole in (
            ("latency", sample.latency, self.latency),
            ("service", sample.service, self.service),
        ):
            if counts:
                part = Histogram(counts)
                whole.merge(part)
                self._tell(name, sample.interval, part)

    def add_alert(self, due_us: int, published_us: int, latency_ms: float) -> None:
        """Take an alert of this run.

        Args:
            due_us: when its event was due.
            published_us: when its topic acknowledged it.
            latency_ms: from the stream's arrival until then.
        """
        interval = max(0, published_us - self._started_us) // (self.step_s * 1_000_000)
        part = Histogram()
        part.add([round(latency_ms * 1000)])
        self.alert_latency.merge(part)
        self.alert_since_due.add([published_us - due_us])
        self._row(interval).alerts += 1
        self._tell("alert", interval, part)

    def see_behind(self, at_s: float, behind_ms: int) -> None:
        """Take how far the alert job said that it was behind at a moment."""
        self._row(int(at_s / self.step_s)).behind_ms = behind_ms

    def rows(self, until_s: float) -> list[Row]:
        """Return the rows so far, with what was due until a moment and not after it."""
        settled = 0
        for row in self._rows:
            begin_s, end_s = min(row.at_s, until_s), min(row.at_s + self.step_s, until_s)
            row.scheduled = self._profile.due_by(end_s) - self._profile.due_by(begin_s)
            settled += row.sent + row.failed
            row.backlog = max(0, self._profile.due_by(end_s) - settled)
        return self._rows

    def _row(self, interval: int) -> Row:
        while len(self._rows) <= interval:
            self._rows.append(Row(at_s=float(len(self._rows) * self.step_s)))
        return self._rows[interval]

    def _remember(self, sample: Sample) -> None:
        known = self.memory.setdefault(sample.process, Memory(process=sample.process))
        if sample.memory_bytes:
            if sample.interval * self.step_s <= self._profile.seconds / 4 or not known.quarter_bytes:
                known.quarter_bytes = sample.memory_bytes
            known.last_bytes = sample.memory_bytes
            known.most_bytes = max(known.most_bytes, sample.memory_bytes)

    def _tell(self, name: str, interval: int, part: Histogram) -> None:
        """Count a part in its interval and bring the interval's percentiles up to date."""
        open_ = self._open[name]
        open_.setdefault(interval, Histogram()).merge(part)
        row, of_interval = self._row(interval), open_[interval]
        setattr(row, f"{name}_p50_ms", percentile_ms(of_interval, 50))
        setattr(row, f"{name}_p99_ms", percentile_ms(of_interval, 99))
        if name == "latency":
            row.latency_max_ms = percentile_ms(of_interval, 100)
        for old in sorted(open_)[:-_OPEN_INTERVALS]:
            del open_[old]


# A process tells of an interval soon after its end; receipts are collected for some seconds.
_OPEN_INTERVALS = 120
