"""A month's cost as a table for a person. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from rich.markup import escape
from rich.table import Table

from schemas.pricing.month import MonthEstimate
from schemas.pricing.units import MILLION, figure


def table_of(estimate: MonthEstimate) -> Table:
    """Return the lines with their formulas; those that stand for others in brackets."""
    table = Table(title=f"a month of 730 h, US dollars, {estimate.region}, prices of {estimate.as_of}")
    for name in ("part", "service", "formula"):
        table.add_column(name, overflow="fold")
    table.add_column("a month", justify="right", no_wrap=True)
    table.add_column("a million events", justify="right", no_wrap=True)
    part = ""
    for line in estimate.lines:
        usd, each = usd_text(line.usd_month), usd_text(line.usd_month / estimate.events * MILLION, digits=4)
        table.add_row(
            "" if line.part == part else line.part,
            escape(line.service),
            escape(line.formula),
            f"({usd})" if line.is_alternative else usd,
            f"({each})" if line.is_alternative else each,
            style="dim" if line.is_alternative else None,
        )
        part = line.part
    table.add_section()
    total = usd_text(estimate.usd_month), usd_text(estimate.usd_per_million, digits=4)
    table.add_row("total", "", "", *total, style="bold")
    return table


def told_of(estimate: MonthEstimate) -> Iterator[str]:
    """Yield what the figures are of, line by line."""
    yield (
        f"{figure(estimate.events / MILLION)} million events a month, "
        f"{figure(estimate.sizes.expected_events_per_s)} a second; {estimate.shape.origin}"
    )
    yield f"a lake of {estimate.assumptions.months} months; in brackets what stands for another line, not in the total"
    yield "free tiers, taxes, discounts and what leaves the region are not in it: docs/cost.md"


def usd_text(usd: float, *, digits: int = 2) -> str:
    """Return an amount as it is shown."""
    return f"{usd:,.{digits}f}"
