"""The end of a load in a few lines, for a person, and as one object, for a machine. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from producers.load.assessment import Latency, Report
from producers.load.timeline import ON_TIME_S


def summary_of(report: Report, written: Sequence[Path]) -> dict[str, Any]:
    """Return the report without its series, and the files that have it whole."""
    summary: dict[str, Any] = msgspec.to_builtins(report)
    del summary["series"]
    return {**summary, "files": [str(path) for path in written]}


def told_of(report: Report) -> Iterator[str]:
    """Yield what happened, line by line."""
    totals, verdict = report.totals, report.verdict
    yield (
        f"{totals.sent:,} of {totals.scheduled:,} events due acknowledged, {totals.sent_per_s:,.0f} a second; "
        f"{verdict.on_time_share:.2%} within {ON_TIME_S:g} s of when they were due"
    )
    yield f"from due to acknowledged: {_latency(report.latency)}; PutRecords calls: {_latency(report.service)}"
    yield (
        f"{totals.throttled:,} records throttled, {totals.retried:,} put again, {totals.failed:,} events failed; "
        f"{totals.cpu_us_per_event:g} µs of processor time an event"
    )
    if totals.alerts:
        yield (
            f"{totals.alerts:,} alerts of {totals.purchases:,} purchases, from the stream to the topic: "
            f"{_latency(report.alert_latency)}"
        )
    else:
        yield f"no alerts were seen of {totals.purchases:,} purchases"
    cost = report.cost
    yield f"the same on AWS: about ${cost.usd:,.2f}, ${cost.usd_month:,.0f} a month ({cost.region}, {cost.as_of})"
    yield from report.notes
    yield "held" if verdict.is_held else "not held: " + "; ".join(verdict.reasons)


def _latency(latency: Latency) -> str:
    if latency.p50_ms is None or latency.p99_ms is None or latency.max_ms is None:
        return "none"
    return f"p50 {latency.p50_ms:,.0f} ms, p99 {latency.p99_ms:,.0f} ms, most {latency.max_ms:,.0f} ms"
