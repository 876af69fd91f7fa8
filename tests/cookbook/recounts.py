"""The questions of the cookbook, each with its naive recount."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.cookbook import people, sales, trust, visits
from tests.cookbook.raw import Raw
from tests.cookbook.sales import Rows
from tests.cookbook.traffic import Objects, Runs

_OF_EVENTS: tuple[Callable[[Raw], Rows], ...] = (
    sales.hourly_revenue,
    sales.order_values,
    sales.revenue_by_country,
    sales.campaigns,
    sales.top_products,
    sales.abandoned_carts,
    sales.search_to_purchase,
    visits.purchase_funnel,
    visits.conversion_by_device,
    visits.sessions_by_day,
    visits.entry_and_exit_pages,
    visits.traffic_channels,
    visits.top_pages,
    people.clicks_by_country,
    people.active_users,
    people.weekly_retention,
    people.signup_to_purchase,
    people.suspicious_users,
)


def recounts_of(raw: Raw, objects: Objects, runs: Runs) -> dict[str, Callable[[], Rows]]:
    """Return question -> what counts its answer."""
    counted: dict[str, Callable[[], Rows]] = {count.__name__: partial(count, raw) for count in _OF_EVENTS}
    return counted | {
        "hour_trust": partial(trust.hour_trust, objects, runs),
        "quarantine_reasons": partial(trust.quarantine_reasons, raw),
    }
