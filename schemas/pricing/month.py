"""What a month of the whole pipeline costs, each figure with its formula. Pure.

A month of 730 hours at the expected rate, in an account that has nothing else. Lines are in the order in which an event
meets what they pay for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import msgspec

from schemas.pricing.month_lake import lake_lines
from schemas.pricing.month_stream import stream_lines
from schemas.pricing.month_upkeep import upkeep_lines
from schemas.pricing.prices import Prices
from schemas.pricing.shape import Shape
from schemas.pricing.sizes import Assumptions, Sizes
from schemas.pricing.units import MILLION
from schemas.pricing.volume import MonthLine, Volume


class MonthEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a month costs.

    Attributes:
        events: in the month.
        shape: where the figures of an event are from.
        usd_per_million: what a million events cost in it.
    """

    region: str
    as_of: date
    sizes: Sizes
    assumptions: Assumptions
    shape: Shape
    events: float
    lines: list[MonthLine]
    usd_month: float
    usd_per_million: float


def estimate_month(sizes: Sizes, assumed: Assumptions, shape: Shape, prices: Prices) -> MonthEstimate:
    """Return what a month costs; lines that stand for others are not in the total."""
    volume = Volume(sizes, assumed, shape)
    lines = list(_lines(volume, prices))
    usd_month = sum(line.usd_month for line in lines if not line.is_alternative)
    return MonthEstimate(
        region=prices.region,
        as_of=prices.as_of,
        sizes=sizes,
        assumptions=assumed,
        shape=shape,
        events=volume.events,
        lines=lines,
        usd_month=usd_month,
        usd_per_million=usd_month / volume.events * MILLION,
    )


def _lines(volume: Volume, prices: Prices) -> Iterator[MonthLine]:
    yield from stream_lines(volume, prices)
    yield from lake_lines(volume, prices)
    yield from upkeep_lines(volume, prices)
