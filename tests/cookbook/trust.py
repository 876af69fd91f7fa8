"""Answers about the data itself, counted line by line and run by run."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from tests.cookbook.raw import Event, NoEvent, Raw, arrival_of, grouped, read
from tests.cookbook.sales import Rows

# What the runs of this traffic were told to judge by, and what `hour_trust` shows where an hour fails.
MIN_LINES = 100
MAX_DUPLICATES = 0.25
MAX_LATE = 0.1
LATE_AFTER = timedelta(hours=2)
_DELIVERED = re.compile(r"([^/]+?)-\d+-\d{4}(?:-\d\d){5}-[0-9a-f]{8}-[0-9a-f-]{27}\.json\.gz$")


def hour_trust(objects: Mapping[str, bytes], runs: Sequence[Sequence[str]]) -> Rows:
    known: list[str] = []
    changes: Counter[datetime] = Counter()
    failed: dict[datetime, list[str]] = {}
    before = Raw()
    for found in runs:
        known += found
        new, after = read(objects, found), read(objects, known)
        for hour, lines in grouped(new.lines, lambda event: event.hour):
            if state_of(before, hour) != state_of(after, hour):
                changes[hour] += 1
            failed[hour] = _failed(hour, lines, before, after)
        before = after
    rows: Rows = []
    for hour, lines in grouped(before.lines, lambda event: event.hour):
        if hour.date() != datetime(2026, 11, 24).date():  # noqa: DTZ001
            continue
        facts, conflicts = sum(event.hour == hour for event in before.facts), before.conflicts[hour]
        late = sum(arrival_of(event.key) > hour + timedelta(hours=1) for event in lines)
        rows.append(
            (
                hour,
                "published" if changes[hour] == 1 else "repaired",
                facts,
                conflicts,
                len(lines) - facts - conflicts,
                0,
                late,
                late / len(lines),
                changes[hour],
                ", ".join(failed[hour]),
            )
        )
    return sorted(rows)


def state_of(raw: Raw, hour: datetime) -> object:
    """Return the facts and the conflicts of an hour, each with where it was read."""
    payloads: defaultdict[tuple[str, object], list[tuple[str, int]]] = defaultdict(list)
    for event in raw.lines:
        if event.hour == hour:
            payloads[event.id, event.payload].append((event.key, event.line))
    return {told: min(places) for told, places in payloads.items()}


def _failed(hour: datetime, new: Sequence[Event], before: Raw, after: Raw) -> list[str]:
    checks = []
    held = sum(event.hour == hour for event in before.facts)
    late = sum(arrival_of(event.key) > hour + LATE_AFTER for event in new)
    if len(new) + held >= MIN_LINES and late / (len(new) + held) > MAX_LATE:
        checks.append("arrival_fresh")
    rows_before, rows_after = (
        sum(event.hour == hour for event in raw.facts) + raw.conflicts[hour] for raw in (before, after)
    )
    if len(new) >= MIN_LINES and (len(new) - rows_after + rows_before) / len(new) > MAX_DUPLICATES:
        checks.append("duplicate_ratio")
    return checks


def quarantine_reasons(raw: Raw) -> Rows:
    delivered: Counter[str] = Counter()
    groups: defaultdict[tuple[str, str], list[NoEvent]] = defaultdict(list)
    for key in (*(event.key for event in raw.lines), *(line.key for line in raw.broken)):
        if arrival_of(key).month == 11:
            delivered[_origin(key)] += 1
    for line in raw.broken:
        if arrival_of(line.key).month == 11:
            groups[line.reason, _origin(line.key)].append(line)
    rows: Rows = []
    for (reason, origin), lines in groups.items():
        hours = [int(arrival_of(line.key).strftime("%Y%m%d%H")) for line in lines]
        count, objects = len(lines), len({line.key for line in lines})
        rows.append((reason, origin, count, objects, count / delivered[origin], min(hours), max(hours)))
    return sorted(rows, key=lambda row: (-row[2], row[0], row[1]))


def _origin(key: str) -> str:
    match = _DELIVERED.search(key)
    return match[1] if match else "dropped file"
