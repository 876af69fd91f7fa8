"""A figure of an estimate with its formula, and their sums."""

from __future__ import annotations

from datetime import date

import msgspec


class CostLine(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of an estimate.

    Attributes:
        service: what is paid for.
        formula: how it was computed, with the numbers.
        usd: for the load as it was.
        usd_month: for a month of nothing but this load, again and again.
        is_alternative: it stands for another line and is not in the total.
    """

    service: str
    formula: str
    usd: float
    usd_month: float
    is_alternative: bool = False


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a load costs."""

    region: str
    as_of: date
    pages: list[str]
    lines: list[CostLine]
    usd: float
    usd_month: float
