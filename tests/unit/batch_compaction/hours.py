"""A merged hour and what is known of it, to be spoilt by tests."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.dataset as ds

from batch_compaction.hour_audit import HourAudit, Source
from batch_compaction.id_hashes import sorted_hashes
from batch_compaction.limits import QualityLimits
from schemas.event import ClickEvent
from schemas.instants import HOUR_US, parse_instant_us
from schemas.lake import partition_of_hour
from schemas.tables import FACT_CLICKS, HOUR_PARTITION

HOUR = parse_instant_us("2026-11-24T10:00:00Z")
NOTHING = FACT_CLICKS.schema.empty_table()

Line = tuple[str, int, ClickEvent]


def event(event_id: str, minute: int = 0, **fields: Any) -> ClickEvent:
    values = {"user_id": "u", "session_id": "s", "event_type": "click"} | fields
    return ClickEvent(event_id=event_id, event_timestamp_us=HOUR + minute * 60_000_000, **values)


def rows_of(lines: list[Line]) -> pa.Table:
    """Return lines as rows of the facts, in the table's order."""
    rows = []
    for key, number, item in lines:
        row = msgspec.structs.asdict(item)
        row["click_id"] = row.pop("event_id")
        row["event_timestamp"] = row.pop("event_timestamp_us")
        row["metadata"] = sorted(row["metadata"].items())
        row |= dict(zip(HOUR_PARTITION, partition_of_hour(item.event_timestamp_us), strict=True))
        rows.append(row | {"source_object": key, "source_line": number})
    rows.sort(key=lambda row: (row["event_timestamp"], row["click_id"]))
    columns = {
        field.name: pa.array([row[field.name] for row in rows], pa.int64()).cast(field.type)
        if field.name == "event_timestamp"
        else pa.array([row[field.name] for row in rows], field.type)
        for field in FACT_CLICKS.schema
    }
    return pa.table(columns, schema=FACT_CLICKS.schema)


def merged(lines: list[Line]) -> tuple[list[Line], list[Line]]:
    """Return the facts and the conflicts of the lines of one hour, the plain way."""
    facts: dict[str, Line] = {}
    conflicts: dict[tuple[str, Any], Line] = {}
    for line in sorted(lines, key=lambda line: line[:2]):
        payload = msgspec.structs.replace(line[2], producer_id=None, producer_seq=None)
        first = facts.setdefault(line[2].event_id, line)
        if payload != msgspec.structs.replace(first[2], producer_id=None, producer_seq=None):
            conflicts.setdefault((line[2].event_id, msgspec.json.encode(payload)), line)
    return list(facts.values()), list(conflicts.values())


def audit_of(objects: list[list[ClickEvent]], limits: QualityLimits | None = None) -> HourAudit:
    """Return the audit of the hour that comes of some raw objects, all in one run over nothing."""
    lines = [
        (f"key-{number}", line, item)
        for number, events in enumerate(objects)
        for line, item in enumerate(events, start=1)
    ]
    facts, conflicts = map(rows_of, merged(lines))
    counts = Counter(key for key, _, _ in lines)
    return HourAudit(
        hour_us=HOUR,
        facts=ds.dataset(facts),
        conflicts=ds.dataset(conflicts),
        lines=ds.dataset(rows_of(lines)),
        facts_before=ds.dataset(NOTHING),
        conflicts_before=ds.dataset(NOTHING),
        users=sorted_hashes("user_id", ds.dataset(facts)),
        earlier_facts=ds.dataset(NOTHING),
        new_lines=len(lines),
        duplicates=len(lines) - len(facts) - len(conflicts),
        sources=[Source(key, HOUR, count, count, 0, 0, 0, count) for key, count in counts.items()],
        earlier_days=[],
        limits=limits or QualityLimits(min_lines=1),
    )


def shifted(audit: HourAudit, hours: int) -> HourAudit:
    """Return the audit as if every object had arrived so many hours later."""
    return replace(
        audit,
        sources=[replace(item, arrival_hour_us=item.arrival_hour_us + hours * HOUR_US) for item in audit.sources],
    )
