"""Plain lines taken apart, compiled: where each value of each event stands.

A line is plain when each of its parts has one possible meaning: an object of texts without escapes, whole numbers and
nulls, with `metadata` as an object of texts, no field twice, and all that an event needs. What is found in it is what
`schemas.codec` makes of it; a property test holds one against the other. Other lines are named, and left to the codec.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from batch_compaction.arrays import Numbers, Octets, Places
from batch_compaction.compiled import compiled
from batch_compaction.instant_scan import NO_INSTANT, instant_us
from batch_compaction.json_scan import NOT_PLAIN, after_sign, after_space, closing_quote, marks_of, whole_number
from schemas.codec import EARLIEST_EVENT_US
from schemas.event import MAX_EVENT_BYTES

# The texts of an event; each alias stands in for the one before it where that is absent.
TEXTS: tuple[str, ...] = (
    *("event_id", "user_id", "session_id", "device_type", "page_url", "referrer_url", "producer_id"),
    *("event_type", "action", "event_timestamp", "timestamp"),
)
_IDS = 3  # the first ones, which an event must have
_EVENT_TYPE, ACTION, _TIMESTAMP, _TIMESTAMP_ALIAS, _METADATA, _SEQ = range(7, 13)
_NAMES = [name.encode() for name in (*TEXTS, "metadata", "producer_seq")]
_NAME_LENGTHS = np.array([len(name) for name in _NAMES])
_NAME_OCTETS = np.array([list(name.ljust(_NAME_LENGTHS.max())) for name in _NAMES], np.uint8)

_NEWLINE, _QUOTE, _COMMA, _COLON, _OPENS, _CLOSES, _N, _U, _L = b'\n",:{}nul'
_UNKNOWN, _ABSENT = -1, -1
_MAX_ENTRIES = 64  # of a line; sorting them takes the square of it
_MARKS_OF_ENTRY = 4  # its quotes


class Scan(NamedTuple):
    """What some lines hold.

    Attributes:
        lines: of each plain line, its place among the lines, from 0.
        places: of each plain line and each of TEXTS, where the value begins and ends; -1 where it is absent.
        instants: of each plain line, its event timestamp in microseconds.
        seqs: of each plain line, its producer_seq; -1 where it is absent.
        entry_counts: of each plain line, how many entries its metadata has.
        entries: of each entry, where key and value begin and end; sorted by key within a line.
        others: of each other line, its place among the lines, where it begins and where it ends.
    """

    lines: Numbers
    places: Places
    instants: Numbers
    seqs: Numbers
    entry_counts: Places
    entries: Places
    others: Numbers


def scan(data: bytes, latest_us: int) -> Scan:
    """Take whole lines apart, less than 2 GiB of them; the last one may lack its newline.

    Args:
        data: the lines.
        latest_us: an event of this instant or after it is too far ahead.
    """
    marks, newlines = marks_of(data)
    room = newlines + 1
    found = Scan(
        lines=np.empty(room, np.int64),
        places=np.empty((room, len(TEXTS), 2), np.int32),
        instants=np.empty(room, np.int64),
        seqs=np.empty(room, np.int64),
        entry_counts=np.empty(room, np.int32),
        entries=np.empty((len(marks) // _MARKS_OF_ENTRY, 4), np.int32),
        others=np.empty((room, 3), np.int64),
    )
    plain, entries, others = _scan(np.frombuffer(data, np.uint8), marks, latest_us, found)
    return Scan(
        found.lines[:plain],
        found.places[:plain],
        found.instants[:plain],
        found.seqs[:plain],
        found.entry_counts[:plain],
        found.entries[:entries],
        found.others[:others],
    )


@compiled
def _scan(octets: Octets, marks: Places, latest_us: int, found: Scan) -> tuple[int, int, int]:
    """Fill in what the lines hold; return the number of plain lines, of entries and of other lines."""
    # Taken out once: to hand the whole tuple on, line by line, would count the references to each array in it.
    lines, places, instants, seqs, entry_counts, entries, others = found
    plain = entry = other = line = start = mark = 0
    while start < len(octets):
        for field in range(len(TEXTS)):
            places[plain, field, 0] = places[plain, field, 1] = _ABSENT
        seqs[plain] = _ABSENT
        end, mark, next_entry = _event(octets, start, marks, mark, plain, places, seqs, entry, entries)
        instant = (
            _instant_of_whole(octets, plain, places) if end >= 0 and end - start <= MAX_EVENT_BYTES else NO_INSTANT
        )
        if EARLIEST_EVENT_US <= instant < latest_us:
            lines[plain], instants[plain], entry_counts[plain] = line, instant, next_entry - entry
            plain, entry = plain + 1, next_entry
        else:
            end = start
            while end < len(octets) and octets[end] != _NEWLINE:
                end += 1
            others[other, 0], others[other, 1], others[other, 2] = line, start, end
            other += 1
        line, start = line + 1, end + 1
    return plain, entry, other


@compiled
def _instant_of_whole(octets: Octets, row: int, places: Places) -> int:
    """Return the instant of an event that has all it must have, after its aliases stood in; NO_INSTANT of another."""
    for field, alias in ((_EVENT_TYPE, ACTION), (_TIMESTAMP, _TIMESTAMP_ALIAS)):
        if places[row, field, 0] == _ABSENT:
            places[row, field, 0], places[row, field, 1] = places[row, alias, 0], places[row, alias, 1]
        if places[row, field, 0] >= places[row, field, 1]:
            return NO_INSTANT
    for field in range(_IDS):
        if places[row, field, 0] >= places[row, field, 1]:
            return NO_INSTANT
    return instant_us(octets, places[row, _TIMESTAMP, 0], places[row, _TIMESTAMP, 1])


@compiled
def _event(
    octets: Octets,
    at: int,
    marks: Places,
    mark: int,
    row: int,
    places: Places,
    seqs: Numbers,
    entry: int,
    entries: Places,
) -> tuple[int, int, int]:
    """Read one line: (where its newline stands, or -1; the mark to go on with; the number of entries so far)."""
    end, seen = len(octets), 0
    at = after_space(octets, at, end)
    if at == end or octets[at] != _OPENS:
        return NOT_PLAIN, mark, entry
    while True:
        at = after_space(octets, at + 1, end)
        name_end, mark = closing_quote(octets, marks, mark, at)
        if name_end < 0:
            break
        field = _field_named(octets, at + 1, name_end)
        if field != _UNKNOWN:
            if seen >> field & 1:
                break
            seen |= 1 << field
        at = after_sign(octets, name_end + 1, end, _COLON)
        if field == _METADATA and 0 <= at < end and octets[at] == _OPENS:
            at, mark, entry = _metadata(octets, at + 1, marks, mark, entry, entries)
        elif at >= 0:
            at, mark = _value(octets, at, marks, mark, field, row, places, seqs)
        if at < 0:
            break
        at = after_space(octets, at, end)
        if at == end or octets[at] != _COMMA:
            return _line_end(octets, at, end), mark, entry
    return NOT_PLAIN, mark, entry


@compiled
def _line_end(octets: Octets, at: int, end: int) -> int:
    """Return where the newline stands behind an event's closing brace; -1 where it is not alone on its line."""
    if at == end or octets[at] != _CLOSES:
        return NOT_PLAIN
    at = after_space(octets, at + 1, end)
    return at if at == end or octets[at] == _NEWLINE else NOT_PLAIN


@compiled
def _value(
    octets: Octets, at: int, marks: Places, mark: int, field: int, row: int, places: Places, seqs: Numbers
) -> tuple[int, int]:
    """Read a value that is no object: (the place behind it, or -1; the mark to go on with)."""
    end = len(octets)
    if at < end and octets[at] == _QUOTE:
        text_end, mark = closing_quote(octets, marks, mark, at)
        if text_end < 0 or field >= _METADATA:
            return NOT_PLAIN, mark
        if field != _UNKNOWN:
            places[row, field, 0], places[row, field, 1] = at + 1, text_end
        return text_end + 1, mark
    if at + 4 <= end and octets[at] == _N and octets[at + 1] == _U and octets[at + 2] == octets[at + 3] == _L:
        return at + 4, mark
    if field != _SEQ and field != _UNKNOWN:
        return NOT_PLAIN, mark
    number, at = whole_number(octets, at, end)
    if field == _SEQ:
        seqs[row] = number
    return at, mark


@compiled
def _metadata(octets: Octets, at: int, marks: Places, mark: int, entry: int, entries: Places) -> tuple[int, int, int]:
    """Read an object of texts from behind its brace.

    Returns:
        The place behind it, or -1; the mark to go on with; the number of entries so far.
    """
    first, end = entry, len(octets)
    at = after_space(octets, at, end)
    if at < end and octets[at] == _CLOSES:
        return at + 1, mark, entry
    while entry - first < _MAX_ENTRIES:
        at = after_space(octets, at, end)
        key_end, mark = closing_quote(octets, marks, mark, at)
        value = after_sign(octets, key_end + 1, end, _COLON)
        if key_end < 0 or value < 0:
            break
        value_end, mark = closing_quote(octets, marks, mark, value)
        if value_end < 0:
            break
        entries[entry, 0], entries[entry, 1] = at + 1, key_end
        entries[entry, 2], entries[entry, 3] = value + 1, value_end
        at = after_space(octets, value_end + 1, end)
        entry += 1
        if at < end and octets[at] == _CLOSES:
            return at + 1 if _sort(octets, entries, first, entry) else NOT_PLAIN, mark, entry
        if at == end or octets[at] != _COMMA:
            break
        at += 1
    return NOT_PLAIN, mark, entry


@compiled
def _field_named(octets: Octets, start: int, end: int) -> int:
    for field in range(len(_NAME_LENGTHS)):
        if _NAME_LENGTHS[field] == end - start:
            place = 0
            while place < end - start and octets[start + place] == _NAME_OCTETS[field, place]:
                place += 1
            if place == end - start:
                return field
    return _UNKNOWN


@compiled
def _sort(octets: Octets, entries: Places, first: int, behind: int) -> bool:
    """Sort entries by key, few that they are; say whether all keys differ."""
    for entry in range(first + 1, behind):
        at = entry
        while at > first:
            order = _order(octets, entries, at - 1, at)
            if order == 0:
                return False
            if order < 0:
                break
            for column in range(4):
                entries[at - 1, column], entries[at, column] = entries[at, column], entries[at - 1, column]
            at -= 1
    return True


@compiled
def _order(octets: Octets, entries: Places, one: int, other: int) -> int:
    """Return a number below, at or above zero, as the key of one entry comes before, with or after that of another."""
    start, other_start = entries[one, 0], entries[other, 0]
    length, other_length = entries[one, 1] - start, entries[other, 1] - other_start
    for place in range(min(length, other_length)):
        octet, other_octet = octets[start + place], octets[other_start + place]
        if octet != other_octet:
            return -1 if octet < other_octet else 1
    return -1 if length < other_length else int(length > other_length)
