"""Answers about sessions and pages, counted event by event."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from tests.cookbook.raw import Event, Raw, grouped
from tests.cookbook.sales import Rows, nearest_rank

_STEPS = ("page_view", "add_to_cart", "checkout", "purchase")
_GAP = timedelta(minutes=30)
_SEARCH = {"google", "bing", "duckduckgo", "yahoo", "baidu", "yandex", "ecosia"}
_SOCIAL = {"facebook", "instagram", "tiktok", "linkedin", "pinterest", "reddit", "youtube", "x", "social"}


def milliseconds(start: datetime, end: datetime) -> int:
    """Return the milliseconds between two instants by a clock that shows no more than these."""
    start, end = (at.replace(microsecond=at.microsecond // 1000 * 1000) for at in (start, end))
    return (end - start) // timedelta(milliseconds=1)


def purchase_funnel(raw: Raw) -> Rows:
    reached, seen, passed_over = [0] * 4, [0] * 4, [0] * 4
    for _, events in grouped(raw.of_day(24), lambda event: event.visit):
        did = {event.type for event in events}
        furthest = max((number for number, step in enumerate(_STEPS) if step in did), default=-1)
        for number, step in enumerate(_STEPS):
            reached[number] += number <= furthest
            seen[number] += step in did
            passed_over[number] += number <= furthest and step not in did
    rows: Rows = []
    for number, step in enumerate(_STEPS):
        before = reached[number] / reached[number - 1] if number else None
        rows.append(
            (number + 1, step, reached[number], seen[number], passed_over[number], before, reached[number] / reached[0])
        )
    return rows


def conversion_by_device(raw: Raw) -> Rows:
    devices: defaultdict[str, list[list[Event]]] = defaultdict(list)
    for (device, *_), events in grouped(raw.of_day(24), lambda event: (event.device or "unknown", *event.visit)):
        devices[device].append(events)
    rows: Rows = []
    for device, sessions in devices.items():
        buying = sum(any(event.type == "purchase" for event in events) for events in sessions)
        count = len(sessions)
        rows.append((device, count, buying, buying / count, sum(map(len, sessions)) / count))
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def sessions_by_day(raw: Raw) -> Rows:
    days: defaultdict[date, list[list[Event]]] = defaultdict(list)
    for _, events in grouped(raw.of_month(), lambda event: event.user):
        session = [events[0]]
        for event in [*events[1:], None]:
            if event is not None and event.at - session[-1].at <= _GAP:
                session.append(event)
                continue
            days[session[0].at.date()].append(session)
            session = [event] if event else []
    rows: Rows = []
    for day, sessions in sorted(days.items()):
        counts = sorted(map(len, sessions))
        took = sorted(milliseconds(session[0].at, session[-1].at) for session in sessions)
        users = {session[0].user for session in sessions}
        rows.append(
            (
                day,
                len(sessions),
                len(users),
                nearest_rank(counts, 50),
                nearest_rank(counts, 95),
                sum(took) / len(sessions) / 1000,
                nearest_rank(took, 50) / 1000,
                nearest_rank(took, 95) / 1000,
            )
        )
    return rows


def entry_and_exit_pages(raw: Raw) -> Rows:
    entries: Counter[str] = Counter()
    exits: Counter[str] = Counter()
    only: Counter[str] = Counter()
    views: Counter[str] = Counter()
    seen = [event for event in raw.of_day(24) if event.type == "page_view" and event.page]
    for _, events in grouped(seen, lambda event: event.visit):
        pages = [re.split(r"[?#]", event.page or "")[0] for event in events]
        views.update(pages)
        entries[pages[0]] += 1
        exits[pages[-1]] += 1
        only[pages[0]] += len(pages) == 1
    rows: Rows = [(page, entries[page], exits[page], only[page], n, exits[page] / n) for page, n in views.items()]
    return sorted(rows, key=lambda row: (-row[1], -row[2], row[0]))[:20]


def traffic_channels(raw: Raw) -> Rows:
    channels: defaultdict[str, list[list[Event]]] = defaultdict(list)
    for _, events in grouped(raw.of_day(24), lambda event: event.visit):
        channels[_channel(events[0])].append(events)
    whole = sum(map(len, channels.values()))
    rows: Rows = []
    for channel, sessions in channels.items():
        buying = sum(any(event.type == "purchase" for event in events) for events in sessions)
        count, users = len(sessions), {events[0].user for events in sessions}
        rows.append((channel, count, len(users), buying, buying / count, count / whole))
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def _channel(landing: Event) -> str:
    medium = parse_qs(urlsplit(landing.page or "").query).get("utm_medium", [""])[0]
    if medium in {"email", "e-mail", "newsletter"}:
        return "mail"
    if medium in {"cpc", "ppc", "paid", "display"}:
        return "paid"
    host = urlsplit(landing.referrer or "").hostname
    if not host:
        return "direct"
    if host == urlsplit(landing.page or "").hostname:
        return "internal"
    labels = set(host.split(".")[:-1])
    return "search" if labels & _SEARCH else "social" if labels & _SOCIAL else "referral"


def top_pages(raw: Raw) -> Rows:
    views: Counter[str] = Counter()
    users: defaultdict[str, set[str]] = defaultdict(set)
    for event in raw.of_day(24):
        if event.type == "page_view" and event.page:
            views[event.page] += 1
            users[event.page].add(event.user)
    rows: Rows = [(page, count, len(users[page])) for page, count in views.items()]
    return sorted(rows, key=lambda row: (-row[1], row[0]))[:20]
