"""The cost of the environments as tables for a reader, computed as `clickstream cost` does.

`python -m infra.cost_document` writes them into `docs/cost.md`; a test fails when they are not what the command says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from infra.cost_cli import sizes_file
from infra.cost_view import usd_text
from schemas.pricing.month import MonthEstimate, estimate_month
from schemas.pricing.prices import shipped_prices
from schemas.pricing.scanned import Scanned, shipped_scanned
from schemas.pricing.shape import shape_of
from schemas.pricing.sizes import Assumptions, read_sizes
from schemas.pricing.units import ATHENA_LEAST_BYTES, DAYS_PER_MONTH, MILLION, SECONDS_PER_MONTH, TB, figure
from schemas.rendered import with_part

DOCUMENT = Path(__file__).parents[1] / "docs" / "cost.md"
SHOWN = ("dev", "staging", "prod")
_LARGEST = SHOWN[-1]


def estimate_of(environment: str) -> MonthEstimate:
    """Return what an environment costs as it is, where nobody asks what if."""
    path = sizes_file(environment)
    sizes, assumed = read_sizes(path.read_bytes(), str(path)), Assumptions()
    return estimate_month(sizes, assumed, shape_of(sizes, assumed), shipped_prices())


def figures() -> str:
    """Return the tables."""
    return "\n".join(_tables([estimate_of(name) for name in SHOWN])) + "\n"


def with_figures(text: str) -> str:
    """Return a document with the figures as they are now, in the places marked for them."""
    text = with_part(text, "figures", "infra.cost_document", figures())
    return with_part(text, "scanned bytes", "infra.cost_document", scanned_bytes(shipped_scanned()))


def scanned_bytes(scanned: Scanned) -> str:
    """Return the table of what the questions of the cookbook read, and what that is in dollars at the rate of prod."""
    return "\n".join(_scanned_rows(scanned)) + "\n"


def _scanned_rows(scanned: Scanned) -> Iterator[str]:
    prod = estimate_of(_LARGEST)
    growth = prod.sizes.expected_events_per_s * SECONDS_PER_MONTH / DAYS_PER_MONTH * scanned.days / scanned.events
    usd_per_byte = shipped_prices().athena.tb_scanned / TB

    def usd(read_bytes: int) -> str:
        return f"{max(read_bytes * growth, ATHENA_LEAST_BYTES) * usd_per_byte:,.4f}"

    yield (
        f"{scanned.events:,} events of {scanned.days} days, {scanned.raw_objects:,} raw objects, "
        f"{scanned.fact_files:,} files of facts; {scanned.engine}, {scanned.as_of}:"
    )
    yield ""
    yield _row(
        "question", "names", "bytes read", "times less than all raw JSON", f"US dollars at the rate of {_LARGEST}"
    )
    yield "|---|---|---:|---:|---:|"
    yield _row("`SELECT *` over the raw JSON", "all days", f"{scanned.raw_bytes:,}", "1", usd(scanned.raw_bytes))
    for question in sorted(scanned.questions, key=lambda question: (not question.is_of_one_day, question.bytes)):
        names = "a day" if question.is_of_one_day else "more"
        ratio = f"{scanned.raw_bytes / question.bytes:,.1f}"
        link = f"[{question.name}](cookbook.md#{question.name.replace('_', '-')})"
        yield _row(link, names, f"{question.bytes:,}", ratio, usd(question.bytes))


def _tables(estimates: Sequence[MonthEstimate]) -> Iterator[str]:
    first = estimates[0]
    yield f"US dollars a month, {first.region}, prices of {first.as_of}:"
    yield ""
    yield _row("", *SHOWN)
    yield "|---|" + "---:|" * len(estimates)
    sizes = [estimate.sizes for estimate in estimates]
    yield _row("events a second", *(f"{each.expected_events_per_s:,g}" for each in sizes))
    yield _row("million events a month", *(figure(each.events / MILLION) for each in estimates))
    yield _row("stream: capacity, retention", *(_stream(each) for each in estimates))
    yield _row("alert job, KPU", *(f"{each.parallelism} + 1" for each in sizes))
    for part in dict.fromkeys(line.part for line in first.lines):
        yield _row(part, *(usd_text(_sum(each, part)) for each in estimates))
    yield _row("**a month**", *(f"**{usd_text(each.usd_month)}**" for each in estimates))
    yield _row("**a million events**", *(f"**{usd_text(each.usd_per_million)}**" for each in estimates))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _stream(estimate: MonthEstimate) -> str:
    sizes = estimate.sizes
    if sizes.capacity.mode == "ON_DEMAND":
        return f"on demand, {sizes.retention_hours} h"
    shards = sizes.shards()
    return f"{shards} shard{'s' * (shards > 1)}, {sizes.retention_hours} h"


def _sum(estimate: MonthEstimate, part: str) -> float:
    return sum(line.usd_month for line in estimate.lines if line.part == part and not line.is_alternative)


if __name__ == "__main__":
    DOCUMENT.write_text(with_figures(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
