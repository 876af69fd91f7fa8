"""The report of a load: its settings, totals, percentiles, verdict, cost and series.

Pure. The verdict looks at the schedule alone: what was due must have been acknowledged in time, whatever the reason why
it was not; what failed was not.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from producers.load.histogram import Histogram
from producers.load.timeline import COUNTS, ON_TIME_S, Counts, Memory, Row, Timeline, percentile_ms
from schemas.pricing.lines import Estimate
from schemas.pricing.load import Usage, estimate
from schemas.pricing.prices import Prices

VERSION = "load_report.v1"


# What a process may grow by from a quarter of a soak to its end: allocators keep some room.
_GROWTH = 0.1
_GROWTH_BYTES = 32 * 1024 * 1024


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for.

    Attributes:
        tolerate: the share of the events due that may be late or fail.
        kpus: processing units of the alert job, for the estimate.
    """

    profile: str
    rate: float
    minutes: float
    processes: int
    users: int
    seed: int
    aggregate: bool
    tolerate: float
    kpus: int
    stream: str
    started: str


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """How long something took, in milliseconds; None where it never happened."""

    count: int
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    p999_ms: float | None
    max_ms: float | None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the load went as asked.

    Attributes:
        is_held: it did.
        on_time_share: the share of the events due that were acknowledged within `ON_TIME_S`.
        reasons: why it did not.
    """

    is_held: bool
    on_time_share: float
    reasons: list[str]


class Totals(Counts, kw_only=True):
    """Sums over all rows.

    Attributes:
        seconds: how long the load ran.
        scheduled: events due in that time.
        unsettled: events due that were neither acknowledged nor saved.
        sent_per_s: events acknowledged a second while the schedule ran.
        cpu_us_per_event: processor time of all processes for each event put.
    """

    seconds: float
    scheduled: int
    unsettled: int = 0
    alerts: int = 0
    sent_per_s: float = 0.0
    cpu_us_per_event: float = 0.0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of a load.

    Attributes:
        is_complete: the profile came to its end.
        latency: from when events were due to their acknowledgement.
        service: of PutRecords calls, from their start to their end.
        alert_latency: of alerts, from the stream's arrival to the topic's acknowledgement.
        alert_since_due: of alerts, from when their events were due to the same.
        notes: what could not be seen of it.
        interval_s: how long a row of the series is.
        series: name -> its value in each interval.
    """

    version: str = VERSION
    setup: Setup
    is_complete: bool
    verdict: Verdict
    totals: Totals
    latency: Latency
    service: Latency
    alert_latency: Latency
    alert_since_due: Latency
    memory: list[Memory]
    cost: Estimate
    notes: list[str]
    interval_s: int
    series: dict[str, list[float | None]]


def assess(
    setup: Setup,
    timeline: Timeline,
    prices: Prices,
    *,
    seconds: float,
    failure: str = "",
    notes: Sequence[str] = (),
) -> Report:
    """Return the report of what ran.

    Args:
        setup: what was asked for.
        timeline: what happened.
        prices: what the estimate goes by.
        seconds: how long the schedule was followed: to its end, or until somebody stopped it.
        failure: why a process ended early; empty where none did.
        notes: what could not be seen.
    """
    rows = timeline.rows(seconds)
    totals = _totals(rows, timeline, seconds)
    memory = [timeline.memory[process] for process in sorted(timeline.memory)]
    usage = Usage(
        seconds=seconds,
        events=totals.put,
        payload_units=totals.payload_units,
        on_demand_units=totals.on_demand_units,
        firehose_units=totals.firehose_units,
        firehose_record_units=totals.firehose_record_units,
        peak_bytes_per_s=max((row.bytes for row in rows), default=0) / timeline.step_s,
        peak_records_per_s=max((row.records for row in rows), default=0) / timeline.step_s,
        alerts=totals.purchases,
        kpus=setup.kpus,
    )
    return Report(
        setup=setup,
        is_complete=seconds >= timeline.seconds,
        verdict=_verdict(setup, totals, memory, failure),
        totals=totals,
        latency=_latency(timeline.latency),
        service=_latency(timeline.service),
        alert_latency=_latency(timeline.alert_latency),
        alert_since_due=_latency(timeline.alert_since_due),
        memory=memory,
        cost=estimate(usage, prices),
        notes=list(notes),
        interval_s=timeline.step_s,
        series={name: [getattr(row, name) for row in rows] for name in Row.__struct_fields__},
    )


def _totals(rows: Sequence[Row], timeline: Timeline, seconds: float) -> Totals:
    totals = Totals(seconds=round(seconds, 3), scheduled=sum(row.scheduled for row in rows))
    for name in (*COUNTS, "alerts"):
        setattr(totals, name, sum(getattr(row, name) for row in rows))
    totals.unsettled = max(0, totals.scheduled - totals.sent - totals.failed)
    in_time = sum(row.sent for row in rows if row.at_s < seconds)
    totals.sent_per_s = round(in_time / seconds, 1) if seconds else 0.0
    totals.cpu_us_per_event = round(sum(timeline.cpu_s.values()) / totals.put * 1e6, 2) if totals.put else 0.0
    return totals


def _verdict(setup: Setup, totals: Totals, memory: Sequence[Memory], failure: str) -> Verdict:
    # A little more than is due when somebody stops it is still put.
    share = min(1.0, totals.on_time / totals.scheduled) if totals.scheduled else 1.0
    reasons = [failure] if failure else []
    if share < 1 - setup.tolerate:
        reasons.append(
            f"{share:.2%} of the events due were acknowledged within {ON_TIME_S:g} s, "
            f"{1 - setup.tolerate:.2%} was asked for"
        )
    if totals.failed:
        reasons.append(f"{totals.failed:,} events could not be sent; they are saved")
    if setup.profile == "soak":
        reasons += [
            f"process {known.process} grew from {_mib(known.quarter_bytes)} to {_mib(known.last_bytes)} "
            "between a quarter of the run and its end"
            for known in memory
            if known.last_bytes - known.quarter_bytes > max(_GROWTH_BYTES, _GROWTH * known.quarter_bytes)
        ]
    return Verdict(is_held=not reasons, on_time_share=share, reasons=reasons)


def _latency(histogram: Histogram) -> Latency:
    return Latency(
        count=len(histogram),
        p50_ms=percentile_ms(histogram, 50),
        p90_ms=percentile_ms(histogram, 90),
        p99_ms=percentile_ms(histogram, 99),
        p999_ms=percentile_ms(histogram, 99.9),
        max_ms=percentile_ms(histogram, 100),
    )


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 20):.0f} MiB"
