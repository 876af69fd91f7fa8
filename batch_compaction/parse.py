"""Lines to rows: each line of a raw object becomes a row of accepted events or of the quarantine, or is blank.

Pure. What an event is, and why a line is none, is the codec's verdict. Plain lines, by far the most, are taken apart at
once by a scan that gives the same; all others are judged one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from batch_compaction import line_scan
from batch_compaction.arrays import Numbers
from batch_compaction.first_seen import FIRST_SEEN
from batch_compaction.placed_events import by_hour, columns_of, counts_by_hour, in_hours, with_events
from batch_compaction.raw import RawObject
from schemas import lake
from schemas.attestation import Attestation, attestation_of
from schemas.blocks import Block
from schemas.codec import MAX_AHEAD_US, decode
from schemas.event import ClickEvent, Rejection, RejectReason
from schemas.instants import HOUR_US, hour_floor_us, parse_instant_us, us_to_timestamp
from schemas.tables import ATTESTATIONS, FACT_CLICKS, HOUR_PARTITION, QUARANTINE

_SOURCE_OBJECT = pa.dictionary(pa.int32(), pa.string())
# The columns of a line: those of the facts without the partition, the object's key once for many lines.
LINE_SCHEMA = pa.schema(
    [
        field.with_type(_SOURCE_OBJECT) if field.name == "source_object" else field
        for field in FACT_CLICKS.schema
        if field.name not in HOUR_PARTITION
    ]
)
# The columns of a quarantined line: those of the quarantine that the line itself says.
QUARANTINED_SCHEMA = pa.schema([field for field in QUARANTINE.schema if field.name != FIRST_SEEN])
_COLUMNS = {
    "click_id" if name == "event_id" else name.removesuffix("_us"): name for name in ClickEvent.__struct_fields__
}

# Lines that are judged one by one before what is wrong with them becomes rows: Python takes a kilobyte for each.
JUDGED_AT_ONCE = 16 * 1024


@dataclass(frozen=True, slots=True)
class ParsedBlock:
    """Some lines of one raw object: lines = accepted + quarantined rows + attestations + blank.

    Attributes:
        counts: event hour -> accepted lines.
        accepted: rows of `LINE_SCHEMA` for those of them that are wanted, ordered by event hour.
        quarantined: rows of `QUARANTINED_SCHEMA`, in order of their lines.
        attestations: rows of `attestations`, in order of their lines.
        lines: how many there are.
        blank: how many of them hold nothing.
    """

    counts: dict[int, int]
    accepted: pa.Table
    quarantined: pa.Table
    attestations: pa.Table
    lines: int
    blank: int


def hours_of(lines: pa.Table) -> Numbers:
    """Return the event hour of each row, in microseconds."""
    instants = lines["event_timestamp"].cast(pa.int64()).to_numpy()
    hours: Numbers = instants - instants % HOUR_US
    return hours


def parse_block(
    raw: RawObject, block: Block, first_line: int = 1, wants: Callable[[int], bool] = lambda _: True
) -> ParsedBlock:
    """Return every line of a block in its one place.

    Args:
        raw: the object.
        block: some lines of it.
        first_line: the number of the first of them, from 1.
        wants: whether the rows of an event hour are wanted.
    """
    data, unread, fault = _without_unread(block)
    found = line_scan.scan(data, hour_floor_us(raw.arrival_hour_us) + HOUR_US + MAX_AHEAD_US)
    events: list[ClickEvent] = []
    event_lines: list[int] = []
    quarantined, attestations = [QUARANTINED_SCHEMA.empty_table()], [ATTESTATIONS.schema.empty_table()]
    blank = 0
    for some in range(0, len(found.others), JUDGED_AT_ONCE):
        rejected: list[tuple[int, int, Rejection, bytes]] = []
        attested: list[tuple[int, Attestation]] = []
        for number, start, end in found.others[some : some + JUDGED_AT_ONCE].tolist():
            line = data[start:end]
            verdict = decode(line, raw.arrival_hour_us) if end > start else None
            if isinstance(verdict, ClickEvent):
                events.append(verdict)
                event_lines.append(number)
            elif verdict is None or not line.strip():
                blank += 1
            elif (attestation := attestation_of(line, verdict)) is not None:
                attested.append((first_line + number, attestation))
            else:
                rejected.append((first_line + number, block.first_offset + start, verdict, line))
        quarantined.append(_quarantined(raw, rejected))
        if attested:
            attestations.append(_attestations(raw, attested))
    lines = len(found.lines) + len(found.others)
    if fault is not None:
        quarantined.append(_quarantined(raw, [(first_line + lines, block.first_offset + len(data), fault, unread)]))
        lines += 1
    if events:
        data, found = with_events(data, found, _columns(events), np.array(event_lines))
    counts = counts_by_hour(found)
    wanted = set(filter(wants, counts))
    found = by_hour(found if wanted == counts.keys() else in_hours(found, wanted))
    accepted = _rows(raw, columns_of(data, found), pa.array(found.lines + first_line))
    refused, attested_rows = pa.concat_tables(quarantined), pa.concat_tables(attestations)
    return ParsedBlock(counts, accepted, refused, attested_rows, lines, blank)


def _without_unread(block: Block) -> tuple[bytes, bytes, Rejection | None]:
    """Return the lines that were read whole; the last one, where it was not; and what is wrong with that."""
    data = block.data
    if block.damage is not None:
        start = data.rfind(b"\n") + 1
        return data[:start], data[start:], Rejection(RejectReason.DAMAGED_OBJECT, block.damage)
    if block.cut_bytes:
        start = data.rfind(b"\n", 0, -1) + 1
        line = data[start:].removesuffix(b"\n")
        detail = f"{len(line) + block.cut_bytes} bytes, of which the first {len(line)} are kept"
        return data[:start], line, Rejection(RejectReason.TOO_LARGE, detail)
    return data, b"", None


def _columns(events: list[ClickEvent]) -> dict[str, pa.Array]:
    """Return name of a field -> its values, of events that the codec read."""
    values: dict[str, Any] = dict(
        zip(ClickEvent.__struct_fields__, zip(*map(msgspec.structs.astuple, events), strict=True), strict=True)
    )
    values["metadata"] = [list(metadata.items()) for metadata in values["metadata"]]
    return {name: pa.array(values[name], LINE_SCHEMA.field(column).type) for column, name in _COLUMNS.items()}


def _rows(raw: RawObject, columns: dict[str, pa.Array], lines: pa.Array) -> pa.Table:
    key = pa.DictionaryArray.from_arrays(np.zeros(len(lines), np.int32), pa.array([raw.key], pa.string()))
    source = {"source_object": key, "source_line": lines}
    arrays = [source[name] if name in source else columns[_COLUMNS[name]] for name in LINE_SCHEMA.names]
    return pa.table(arrays, schema=LINE_SCHEMA)


def _arrival(raw: RawObject) -> dict[str, int]:
    return dict(zip(HOUR_PARTITION, lake.partition_of_hour(raw.arrival_hour_us), strict=True))


def _attestations(raw: RawObject, attested: list[tuple[int, Attestation]]) -> pa.Table:
    arrival = _arrival(raw)
    return pa.Table.from_pylist(
        [
            {
                **msgspec.structs.asdict(attestation),
                "send_hour": us_to_timestamp(parse_instant_us(attestation.send_hour)),
                "closed_timestamp": us_to_timestamp(parse_instant_us(attestation.closed_timestamp)),
                "source_object": raw.key,
                "source_line": number,
                **arrival,
            }
            for number, attestation in attested
        ],
        schema=ATTESTATIONS.schema,
    )


def _quarantined(raw: RawObject, rejected: list[tuple[int, int, Rejection, bytes]]) -> pa.Table:
    arrival = _arrival(raw)
    return pa.Table.from_pylist(
        [
            {
                "source_object": raw.key,
                "source_line": number,
                "byte_offset": offset,
                "reason": str(rejection.reason),
                "detail": rejection.detail,
                "raw_bytes": line,
                **arrival,
            }
            for number, offset, rejection, line in rejected
        ],
        schema=QUARANTINED_SCHEMA,
    )
