"""Answers about money and what leads to it, counted event by event."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from math import ceil
from typing import Any

from tests.cookbook.raw import Event, Raw, grouped

Rows = list[tuple[Any, ...]]
# Source: ISO 4217, how many digits the minor unit of a currency has where it has not two.
_DIGITS = {"JPY": 0, "KRW": 0, "CLP": 0, "KWD": 3, "BHD": 3}


def last_first(value: str | None) -> tuple[bool, str]:
    """Return what sorts texts, none last."""
    return value is None, value or ""


def nearest_rank(values: Sequence[int], percent: int) -> int:
    """Return the smallest of sorted values that so many percent of them do not exceed."""
    return values[max(1, ceil(len(values) * percent / 100)) - 1]


def amount(event: Event) -> int | None:
    said = event.metadata.get("amount_minor", "")
    return int(said) if re.fullmatch(r"-?\d{1,18}", said, re.ASCII) else None


def _currency(event: Event) -> str | None:
    return event.metadata.get("currency")


def _purchases(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event.type == "purchase"]


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def hourly_revenue(raw: Raw) -> Rows:
    rows: Rows = []
    for (hour, currency), some in grouped(_purchases(raw.of_day(24)), lambda event: (event.at.hour, _currency(event))):
        amounts = [amount(event) for event in some]
        minor = _sum(amounts)
        revenue = None
        if minor is not None and currency is not None:
            revenue = Decimal(minor).scaleb(-_DIGITS.get(currency, 2))
        rows.append((hour, currency, len(some), amounts.count(None), minor, revenue))
    return sorted(rows, key=lambda row: (row[0], last_first(row[1])))


def order_values(raw: Raw) -> Rows:
    orders: dict[str, Event] = {}
    for event in _purchases(raw.of_day(24)):
        orders.setdefault(event.metadata.get("order_id", event.id), event)
    by_currency: defaultdict[str | None, list[int]] = defaultdict(list)
    for event in orders.values():
        if (minor := amount(event)) is not None:
            by_currency[_currency(event)].append(minor)
    rows: Rows = []
    for currency, amounts in by_currency.items():
        amounts.sort()
        average = float(sum(amounts)) / len(amounts)
        middle, ninth = nearest_rank(amounts, 50), nearest_rank(amounts, 90)
        rows.append((currency, len(amounts), average, middle, ninth, amounts[-1]))
    return sorted(rows, key=lambda row: (-row[1], last_first(row[0])))


def revenue_by_country(raw: Raw) -> Rows:
    told: defaultdict[str, list[Event]] = defaultdict(list)
    for event in raw.facts:
        if event.metadata.get("country"):
            told[event.user].append(event)
    groups: defaultdict[tuple[str | None, str | None], list[tuple[Event, bool]]] = defaultdict(list)
    for event in _purchases(raw.of_month()):
        then = [other.metadata["country"] for other in told[event.user] if other.at <= event.at]
        now = [other.metadata["country"] for other in told[event.user]]
        country = then[-1] if then else None
        groups[country, _currency(event)].append((event, country is not None and now[-1] != country))
    rows: Rows = [
        (
            *group,
            len(some),
            len({event.user for event, _ in some}),
            _sum(amount(event) for event, _ in some),
            sum(moved for _, moved in some),
        )
        for group, some in groups.items()
    ]
    return sorted(rows, key=lambda row: (last_first(row[0]), last_first(row[1])))


def campaigns(raw: Raw) -> Rows:
    groups: defaultdict[str, list[list[Event]]] = defaultdict(list)
    for _, events in grouped(raw.of_day(24), lambda event: event.visit):
        named = [name for event in events if (name := _campaign(event))]
        groups[named[0] if named else "(none)"].append(events)
    rows: Rows = []
    for campaign, sessions in groups.items():
        purchases = [len(_purchases(events)) for events in sessions]
        buying = sum(count > 0 for count in purchases)
        users = {events[0].user for events in sessions}
        rows.append((campaign, len(sessions), len(users), buying, sum(purchases), buying / len(sessions)))
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def _campaign(event: Event) -> str | None:
    if said := event.metadata.get("campaign"):
        return said
    found = re.search(r"[?&]utm_campaign=([^&#]*)", event.page or "")
    return found[1].replace("+", " ").replace("%20", " ") if found else None


def top_products(raw: Raw) -> Rows:
    views: Counter[str] = Counter()
    carts: Counter[str] = Counter()
    bought: Counter[str] = Counter()
    viewers: defaultdict[str, set[str]] = defaultdict(set)
    for _, events in grouped(raw.of_day(24), lambda event: event.visit):
        last = max((event.at for event in _purchases(events)), default=None)
        for event in events:
            product = event.metadata.get("product_id")
            if product is None:
                continue
            views[product] += event.type == "page_view"
            if event.type == "page_view":
                viewers[product].add(event.user)
            if event.type == "add_to_cart":
                carts[product] += 1
                bought[product] += last is not None and last >= event.at
    rows: Rows = [
        (
            product,
            seen,
            len(viewers[product]),
            carts[product],
            bought[product],
            carts[product] / seen if seen else None,
        )
        for product, seen in views.items()
    ]
    return sorted(rows, key=lambda row: (-row[3], -row[1], row[0]))[:20]


def abandoned_carts(raw: Raw) -> Rows:
    by_day: defaultdict[int, list[tuple[bool, list[str]]]] = defaultdict(list)
    for (day, *_), events in grouped(raw.of_month(), lambda event: (event.at.day, *event.visit)):
        filled = [event for event in events if event.type == "add_to_cart"]
        if filled:
            bought = max((event.at for event in _purchases(events)), default=None)
            is_left = bought is None or bought < filled[-1].at
            by_day[day].append((is_left, [event.metadata["product_id"] for event in filled]))
    rows: Rows = []
    for day, carts in sorted(by_day.items()):
        left = [products for is_left, products in carts if is_left]
        products = [product for some in left for product in some]
        rows.append((day, len(carts), len(left), len(left) / len(carts), len(products), len(set(products))))
    return rows


def search_to_purchase(raw: Raw) -> Rows:
    searches: Counter[str] = Counter()
    outcomes: defaultdict[str, list[bool]] = defaultdict(list)
    for _, events in grouped(raw.of_day(24), lambda event: event.visit):
        bought = max((event.at for event in _purchases(events)), default=None)
        by_term: defaultdict[str, list[Event]] = defaultdict(list)
        for event in events:
            found = re.search(r"[?&]q=([^&#]+)", event.page or "") if event.type == "search" else None
            if found:
                by_term[found[1].replace("+", " ").replace("%20", " ").strip().lower()].append(event)
        for term, some in by_term.items():
            searches[term] += len(some)
            outcomes[term].append(bought is not None and bought > some[0].at)
    rows: Rows = [
        (term, count, len(outcomes[term]), sum(outcomes[term]), sum(outcomes[term]) / len(outcomes[term]))
        for term, count in searches.items()
    ]
    return sorted(rows, key=lambda row: (-row[1], row[0]))[:20]
