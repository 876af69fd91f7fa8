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
from schemas.pricing.shape import shape_of
from schemas.pricing.sizes import Assumptions, read_sizes
from schemas.pricing.units import MILLION
from schemas.rendered import with_part

DOCUMENT = Path(__file__).parents[1] / "docs" / "cost.md"
SHOWN = ("dev", "staging", "prod")


def estimate_of(environment: str) -> MonthEstimate:
    """Return what an environment costs as it is, where nobody asks what if."""
    path = sizes_file(environment)
    sizes, assumed = read_sizes(path.read_bytes(), str(path)), Assumptions()
    return estimate_month(sizes, assumed, shape_of(sizes, assumed), shipped_prices())


def figures() -> str:
    """Return the tables."""
    return "\n".join(_tables([estimate_of(name) for name in SHOWN])) + "\n"


def with_figures(text: str) -> str:
    """Return a document with the figures as they are now, in the place marked for them."""
    return with_part(text, "figures", "infra.cost_document", figures())


def _tables(estimates: Sequence[MonthEstimate]) -> Iterator[str]:
    first = estimates[0]
    yield f"US dollars a month, {first.region}, prices of {first.as_of}:"
    yield ""
    yield _row("", *SHOWN)
    yield "|---|" + "---:|" * len(estimates)
    sizes = [estimate.sizes for estimate in estimates]
    yield _row("events a second", *(f"{each.expected_events_per_s:,g}" for each in sizes))
    yield _row("million events a month", *(f"{each.events / MILLION:,.4g}" for each in estimates))
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
