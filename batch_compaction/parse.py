"""Lines to rows: each line of a raw object becomes a row of accepted events or of the quarantine, or is blank.

Pure. What an event is, and why a line is none, is the codec's verdict alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa

from batch_compaction.raw import Content, RawObject
from schemas import lake
from schemas.codec import decode
from schemas.event import ClickEvent, Rejection, RejectReason
from schemas.instants import HOUR_US
from schemas.tables import FACT_CLICKS, HOUR_PARTITION, QUARANTINE, TIMESTAMP

_EVENT_COLUMNS = tuple(
    "click_id" if name == "event_id" else name.removesuffix("_us") for name in ClickEvent.__struct_fields__
)
ACCEPTED_SCHEMA = pa.schema(
    [
        *(FACT_CLICKS.schema.field(name) for name in (*_EVENT_COLUMNS, "source_object", "source_line")),
        pa.field("event_hour", TIMESTAMP, nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class ParsedObject:
    """The lines of one raw object: lines = accepted rows + quarantined rows + blank."""

    raw: RawObject
    accepted: pa.Table
    quarantined: pa.Table
    lines: int
    blank: int

    def accepted_by_hour(self) -> dict[int, int]:
        """Return event hour -> number of accepted lines."""
        counted = self.accepted["event_hour"].cast(pa.int64()).value_counts().to_pylist()
        return {item["values"]: item["counts"] for item in counted}


def parse_object(raw: RawObject, content: Content) -> ParsedObject:
    """Return every line of an object in its one place."""
    lines = content.data.split(b"\n")
    tail = lines.pop()
    if tail and content.damage is None:
        lines.append(tail)
    events: list[ClickEvent] = []
    event_lines: list[int] = []
    rejected: list[tuple[int, int, Rejection, bytes]] = []
    blank = offset = 0
    for number, line in enumerate(lines, start=1):
        verdict = decode(line, raw.arrival_hour_us) if line else None
        if isinstance(verdict, ClickEvent):
            events.append(verdict)
            event_lines.append(number)
        elif verdict is None or not line.strip():
            blank += 1
        else:
            rejected.append((number, offset, verdict, line))
        offset += len(line) + 1
    if content.damage is not None:
        lines.append(tail)
        rejected.append((len(lines), offset, Rejection(RejectReason.DAMAGED_OBJECT, content.damage), tail))
    return ParsedObject(raw, _accepted(raw, events, event_lines), _quarantined(raw, rejected), len(lines), blank)


def _accepted(raw: RawObject, events: list[ClickEvent], lines: list[int]) -> pa.Table:
    if not events:
        return ACCEPTED_SCHEMA.empty_table()
    values: dict[str, Any] = dict(
        zip(_EVENT_COLUMNS, zip(*map(msgspec.structs.astuple, events), strict=True), strict=True)
    )
    values["metadata"] = [list(metadata.items()) for metadata in values["metadata"]]
    values["event_hour"] = [instant - instant % HOUR_US for instant in values["event_timestamp"]]
    values["source_object"] = [raw.key] * len(events)
    values["source_line"] = lines
    return pa.table([pa.array(values[field.name], field.type) for field in ACCEPTED_SCHEMA], schema=ACCEPTED_SCHEMA)


def _quarantined(raw: RawObject, rejected: list[tuple[int, int, Rejection, bytes]]) -> pa.Table:
    partition = dict(zip(HOUR_PARTITION, lake.partition_of_hour(raw.arrival_hour_us), strict=True))
    return pa.Table.from_pylist(
        [
            {
                "source_object": raw.key,
                "source_line": number,
                "byte_offset": offset,
                "reason": str(rejection.reason),
                "detail": rejection.detail,
                "raw_bytes": line,
                **partition,
            }
            for number, offset, rejection, line in rejected
        ],
        schema=QUARANTINE.schema,
    )
