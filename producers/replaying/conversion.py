"""Recorded bytes and rows to lines, in recorded order, with a count of what they were.

Pure. Nothing is left out but attestations: a row that cannot be read goes out as the bytes it is, line by line, so that
the pipeline refuses and keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from producers.lines import Line, partition_key_of
from producers.replaying.judging import Judge
from producers.replaying.mapping import Mapping
from producers.replaying.rows import RecordedRow
from producers.replaying.translation import Translator
from schemas.attestation import is_attestation
from schemas.kpl import UserRecord


@dataclass(slots=True)
class RowCounts:
    """What the rows read so far were; those of no other count are valid events that were sent.

    Attributes:
        read: all of them.
        unparsable: sent as they are, because they could not be read as the format says.
        incomplete: sent as an event that lacks a required field or a readable time.
        attestations: left out, since they attest how the events were sent before.
        outside: left out, since they happened outside of the time asked for.
        overtaken: sent late, since they are older than what the window of the sort had let go.
    """

    read: int = 0
    unparsable: int = 0
    incomplete: int = 0
    attestations: int = 0
    outside: int = 0
    overtaken: int = 0


def lines_as_recorded(recorded: Iterable[bytes], judge: Judge, counts: RowCounts) -> Iterator[Line]:
    """Yield lines of events untouched, blank ones left out.

    Args:
        recorded: the lines, with or without their newlines.
        judge: tells events from what is none.
        counts: takes the count; `unparsable` are those that are no event.
    """
    told_by = judge.told_by
    for recorded_line in recorded:
        data = recorded_line.removesuffix(b"\n")
        if not data or data.isspace():
            continue
        counts.read += 1
        if told := told_by(data):
            user_id, event_us = told
            yield Line(partition_key_of(user_id, data), data, event_us)
        elif is_attestation(data):
            counts.attestations += 1
        else:
            counts.unparsable += 1
            yield Line(partition_key_of(None, data), data)


def lines_of_user_records(records: Iterable[UserRecord], judge: Judge, counts: RowCounts) -> Iterator[Line]:
    """Yield user records with the keys that they were put with, as one line each even where they hold several.

    Args:
        records: what was on a stream, in its order.
        judge: tells events from what is none; a record of several lines is as old as the first event in it.
        counts: takes the count, by line; a record without a line counts as one that is no event.
    """
    for record in records:
        lines = [line for line in record.data.split(b"\n") if line.strip()] or [b""]
        counts.read += len(lines)
        if all(map(is_attestation, lines)):
            counts.attestations += len(lines)
            continue
        found = [judge.told_by(line) for line in lines]
        counts.unparsable += found.count(None)
        event_us = next((told[1] for told in found if told is not None), None)
        yield Line(record.partition_key, record.data, event_us, record.explicit_hash_key)


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
