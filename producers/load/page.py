"""The report as one HTML page: it needs no network, runs no script, and is well-formed XML.

Pure. Light or dark as the reader's system says; one column on a phone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.resources import files

from producers.load.assessment import Latency, Report
from producers.load.charts import Chart, Series, draw, short
from producers.load.timeline import ON_TIME_S

_NUMBER = ' class="n"'


def page_of(report: Report) -> str:
    """Return the page."""
    setup = report.setup
    charts = charts_of(report)
    seen = [chart for chart in charts if not chart.is_empty]
    unseen = [chart.title for chart in charts if chart.is_empty]
    title = f"Load test: {setup.profile}, {setup.rate:,.6g} events a second, {setup.minutes:g} min"
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8"/>',
            '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
            f"<title>{escape(title)}</title><style>{_style()}</style></head><body>",
            f"<header><h1>{escape(title)}</h1>",
            f'<p class="soft">Started {escape(setup.started)}, stream {escape(setup.stream)}, '
            f"{_count(setup.processes, 'process', 'processes')}.</p></header><main>",
            *_verdict(report),
            *(f'<p class="soft">{escape(note)}</p>' for note in report.notes),
            *_tiles(report),
            '<h2>Over time</h2><div class="charts">',
            *(_figure(chart, f"chart{place}") for place, chart in enumerate(seen)),
            "</div>",
            *([f'<p class="soft">Nothing was seen of: {escape("; ".join(unseen))}.</p>'] if unseen else []),
            *_tables(report),
            "</main></body></html>\n",
        ]
    )


def _style() -> str:
    return (files("producers.load") / "page.css").read_text(encoding="utf-8")


def charts_of(report: Report) -> list[Chart]:
    """Return the charts of the page."""
    step_s = report.interval_s

    def line(name: str, column: str, scale: float = 1.0) -> Series:
        values = report.series[column]
        return Series(name, [None if value is None else value * scale for value in values])

    charts = [
        Chart(
            "Events due and acknowledged",
            "events a second",
            [line("acknowledged", "sent", 1 / step_s), line("due", "scheduled", 1 / step_s)],
            step_s,
        ),
        Chart(
            "From due to acknowledged",
            "ms, logarithmic",
            [
                line("median", "latency_p50_ms"),
                line("99 %", "latency_p99_ms"),
                line("largest", "latency_max_ms"),
            ],
            step_s,
            is_log=True,
            keeps_peaks=True,
        ),
        Chart("Due and not yet settled", "events", [line("backlog", "backlog")], step_s, keeps_peaks=True),
        Chart(
            "Throttled, retried, failed",
            "a second",
            [
                line("records put again", "retried", 1 / step_s),
                line("records throttled", "throttled", 1 / step_s),
                line("events failed", "failed", 1 / step_s),
            ],
            step_s,
            keeps_peaks=True,
        ),
        Chart(
            "PutRecords calls, from start to end",
            "ms, logarithmic",
            [line("median", "service_p50_ms"), line("99 %", "service_p99_ms")],
            step_s,
            is_log=True,
            keeps_peaks=True,
        ),
        Chart(
            "Alerts, from the stream to the topic",
            "ms, logarithmic",
            [line("median", "alert_p50_ms"), line("99 %", "alert_p99_ms")],
            step_s,
            is_log=True,
            keeps_peaks=True,
        ),
        Chart("Alert job behind the stream", "s", [line("behind", "behind_ms", 1e-3)], step_s, keeps_peaks=True),
        Chart(
            "Memory of the processes",
            "MiB",
            [line("resident", "memory_bytes", 1 / (1 << 20))],
            step_s,
            keeps_peaks=True,
        ),
    ]
    return charts


def _figure(chart: Chart, name: str) -> str:
    legend = "".join(
        f'<li><svg viewBox="0 0 26 8" aria-hidden="true"><path class="line s{place}" d="M2 4H24"/></svg>'
        f"{escape(line.name)}</li>"
        for place, line in enumerate(chart.series, 1)
    )
    return (
        f"<figure><figcaption>{escape(chart.title)} <span>({escape(chart.unit)})</span></figcaption>"
        f'<ul class="legend">{legend}</ul>{draw(chart, name)}</figure>'
    )


def _verdict(report: Report) -> Iterator[str]:
    verdict = report.verdict
    ended = "" if report.is_complete else f" It was stopped after {report.totals.seconds:g} s."
    if verdict.is_held:
        told = f"{_share(verdict.on_time_share)} of the events due were acknowledged within {ON_TIME_S:g} s.{ended}"
        yield f'<div class="verdict good"><p><b>The load was held.</b> {escape(told)}</p></div>'
        return
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in verdict.reasons)
    yield f'<div class="verdict bad"><p><b>The load was not held.</b>{escape(ended)}</p><ul>{reasons}</ul></div>'


def _tiles(report: Report) -> Iterator[str]:
    totals = report.totals
    yield '<div class="tiles">'
    for value, name in (
        (f"{totals.sent_per_s:,.0f}/s", "acknowledged"),
        (f"{totals.sent:,}", f"of {totals.scheduled:,} events due"),
        (_ms(report.latency.p50_ms), "median from due"),
        (_ms(report.latency.p99_ms), "99 % from due"),
        (f"{totals.throttled:,}", "records throttled"),
        (f"{totals.failed:,}", "events failed"),
        (_ms(report.alert_latency.p99_ms), f"99 % of {report.alert_latency.count:,} alerts"),
        (f"${report.cost.usd_month:,.0f}", "a month of this on AWS"),
    ):
        yield f'<div class="tile"><b>{escape(value)}</b><span>{escape(name)}</span></div>'
    yield "</div>"


def _tables(report: Report) -> Iterator[str]:
    yield "<h2>How long it took</h2>"
    yield _table(
        ["", "count", "50 %", "90 %", "99 %", "99.9 %", "largest"],
        [
            _latency_row("event, from due to acknowledged", report.latency),
            _latency_row("PutRecords call", report.service),
            _latency_row("alert, from the stream to its topic", report.alert_latency),
            _latency_row("alert, from due to its topic", report.alert_since_due),
        ],
    )
    yield "<h2>Memory</h2>"
    yield _table(
        ["process", "at a quarter, MiB", "at the end, MiB", "most, MiB"],
        [
            [str(known.process), *(_mib(size) for size in (known.quarter_bytes, known.last_bytes, known.most_bytes))]
            for known in report.memory
        ],
    )
    cost = report.cost
    yield "<h2>The same load on AWS, estimated</h2>"
    yield _table(
        ["", "this run, $", "a month of it, $", "formula"],
        [
            *(
                [
                    line.service + (" (not in the total)" if line.is_alternative else ""),
                    f"{line.usd:,.4f}",
                    f"{line.usd_month:,.2f}",
                    line.formula,
                ]
                for line in cost.lines
            ),
            ["total", f"{cost.usd:,.4f}", f"{cost.usd_month:,.2f}", "sum of the lines that are in it"],
        ],
        numbers=(1, 2),
    )
    yield f'<p class="soft">Prices of {escape(cost.region)} as of {cost.as_of}, from: {escape("; ".join(cost.pages))}.'
    yield "Without storage, tables, queries, logs, traffic between networks, free tiers and taxes.</p>"
    yield "<h2>Totals</h2>"
    yield _table(
        ["figure", "value"],
        [
            [name.replace("_", " "), f"{value:,}"]
            for name, value in ((name, getattr(report.totals, name)) for name in report.totals.__struct_fields__)
        ],
    )
    yield "<h2>Setup</h2>"
    yield _table(
        ["setting", "value"],
        [[name, str(getattr(report.setup, name))] for name in report.setup.__struct_fields__],
        numbers=(),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] | None = None) -> str:
    """Return a table; all columns but the first hold numbers where nothing else is said."""
    right = range(1, len(head)) if numbers is None else numbers

    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{_NUMBER if place in right else ''}>{escape(cell)}</{tag}>" for place, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<div class="table"><table><tr>{cells("th", head)}</tr>{body}</table></div>'


def _latency_row(name: str, latency: Latency) -> list[str]:
    values = (latency.p50_ms, latency.p90_ms, latency.p99_ms, latency.p999_ms, latency.max_ms)
    return [name, f"{latency.count:,}", *map(_ms, values)]


def _ms(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value / 1000:.3g} s" if value >= 10_000 else f"{value:,.0f} ms" if value >= 10 else f"{value:.1f} ms"


def _share(share: float) -> str:
    # Never 100 % where something is missing.
    return "100 %" if share >= 1 else f"{min(share, 0.9999):.2%}".replace("%", " %")


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 20):,.1f}"


def _count(count: int, one: str, many: str) -> str:
    return f"{short(count)} {one if count == 1 else many}"
