"""Recorded rows to lines, in recorded order, with a count of those that are no events.

Pure. Nothing is left out: a row that cannot be read goes out as the bytes it is, line by line, so that the
pipeline refuses and keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from producers.lines import Line, partition_key_of
from producers.mapping import Mapping
from producers.recordings import RecordedRow
from producers.translation import Translator
from schemas.codec import decode
from schemas.event import Rejection


@dataclass(slots=True)
class RowCounts:
    """What the rows read so far were.

    Attributes:
        read: all of them.
        unparsable: sent as they are, because they could not be read as the format says.
        incomplete: sent as an event that lacks a required field or a readable time.
    """

    read: int = 0
    unparsable: int = 0
    incomplete: int = 0


def lines_as_recorded(recorded: Iterable[bytes], arrival_us: int, counts: RowCounts) -> Iterator[Line]:
    """Yield lines of events untouched, blank ones left out.

    Args:
        recorded: the lines, with or without their newlines.
        arrival_us: when the pipeline will hear of them, about.
        counts: takes the count; `unparsable` are those that are no event.
    """
    for recorded_line in recorded:
        data = recorded_line.removesuffix(b"\n")
        if not data.strip():
            continue
        counts.read += 1
        event = decode(data, arrival_us)
        if isinstance(event, Rejection):
            counts.unparsable += 1
            yield Line(partition_key_of(None, data), data)
        else:
            yield Line(partition_key_of(event.user_id, data), data, event.event_timestamp_us)


def lines_by_mapping(rows: Iterable[RecordedRow], mapping: Mapping, counts: RowCounts) -> Iterator[Line]:
    """Yield the lines that rows become by a mapping."""
    translator = Translator(mapping)
    for row in rows:
        counts.read += 1
        try:
            translated = None if row.columns is None else translator.translate(row.columns)
        except UnicodeEncodeError:
            translated = None
        if translated is None:
            counts.unparsable += 1
            for line in row.lines:
                data = _redacted(line, mapping.redact)
                yield Line(partition_key_of(None, data), data)
        else:
            counts.incomplete += translated.is_incomplete
            yield translated.line


def _redacted(line: bytes, hidden: re.Pattern[str] | None) -> bytes:
    if hidden is None:
        return line
    return hidden.sub("-", line.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
