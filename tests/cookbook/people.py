"""Answers about users, counted event by event."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta

from tests.cookbook.raw import Event, Raw, grouped
from tests.cookbook.sales import Rows, last_first, nearest_rank
from tests.cookbook.visits import milliseconds


def _first_days(raw: Raw) -> dict[str, date]:
    first: dict[str, date] = {}
    for event in raw.facts:
        first.setdefault(event.user, event.at.date())
    return first


def clicks_by_country(raw: Raw) -> Rows:
    now: dict[str, str] = {}
    for event in raw.facts:
        if event.metadata.get("country"):
            now[event.user] = event.metadata["country"]
    rows: Rows = []
    for country, events in grouped(raw.of_day(24), lambda event: now.get(event.user)):
        users = len({event.user for event in events})
        rows.append((country, len(events), users, len(events) / users))
    return sorted(rows, key=lambda row: (-row[1], last_first(row[0])))


def active_users(raw: Raw) -> Rows:
    first = _first_days(raw)
    users: defaultdict[date, set[str]] = defaultdict(set)
    for event in raw.facts:
        users[event.at.date()].add(event.user)
    rows: Rows = []
    for day in sorted(day for day in users if day >= date(2026, 11, 1)):
        week = set().union(*(users.get(day - timedelta(days=back), set()) for back in range(7)))
        new = sum(first[user] == day for user in users[day])
        active = len(users[day])
        rows.append((day, active, new, active - new, len(week), active / len(week)))
    return rows


def weekly_retention(raw: Raw) -> Rows:
    first = {user: _monday(day) for user, day in _first_days(raw).items()}
    cohorts = Counter(first.values())
    active = {(event.user, _monday(event.at.date())) for event in raw.facts}
    counted = Counter((first[user], (week - first[user]).days // 7) for user, week in active)
    return [
        (week, later, cohorts[week], count, count / cohorts[week]) for (week, later), count in sorted(counted.items())
    ]


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def signup_to_purchase(raw: Raw) -> Rows:
    days: defaultdict[date, list[int | None]] = defaultdict(list)
    for _, events in grouped(raw.of_month(), lambda event: event.user):
        joined = next((event.at for event in events if event.type == "signup"), None)
        if joined is not None:
            bought = [
                milliseconds(joined, event.at) for event in events if event.type == "purchase" and event.at >= joined
            ]
            days[joined.date()].append(bought[0] if bought else None)
    rows: Rows = []
    for day, spans in sorted(days.items()):
        took = sorted(span for span in spans if span is not None)
        middle = nearest_rank(took, 50) / 1000 if took else None
        quickest = took[0] / 1000 if took else None
        rows.append((day, len(spans), len(took), len(took) / len(spans), quickest, middle))
    return rows


def suspicious_users(raw: Raw) -> Rows:
    rows: Rows = []
    for user, events in grouped(raw.of_day(24), lambda event: event.user):
        agent = max((event.metadata["user_agent"] for event in events if "user_agent" in event.metadata), default=None)
        pages = len({event.page for event in events if event.page})
        minutes = Counter(_minute(event) for event in events)
        most = max(minutes.values())
        signs = []
        if re.search(r"bot|crawl|spider|headless|python-|curl", (agent or "").lower()):
            signs.append("agent")
        if most >= 20:
            signs.append("pace")
        if len(events) >= 20 and all(event.type == "page_view" for event in events):
            signs.append("views only")
        if pages >= 40:
            signs.append("breadth")
        if signs:
            rows.append((user, len(events), pages, most, agent, signs))
    rows.sort(key=lambda row: (-len(row[5]), -row[1], row[0]))
    return [(*row[:5], ", ".join(row[5])) for row in rows[:50]]


def _minute(event: Event) -> datetime:
    return event.at.replace(second=0, microsecond=0)
