"""The time and the id in an event's bytes exchanged, every other byte left as it is.

Pure. It reads the event's own rules from `schemas.codec`: an alias counts where the field is absent or null, of a key
that stands twice the last. What is no object, or has no time that can be read, stays untouched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import msgspec

from producers.lines import Line
from schemas.instants import SECOND_US, format_instant_us, parse_instant_us

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]++', re.DOTALL)
_ABSENT = msgspec.Raw(b"null")
_MS_US = 1000


class _Written(msgspec.Struct, gc=False):
    """What is exchanged, as it is written."""

    event_id: msgspec.Raw = _ABSENT
    event_timestamp: msgspec.Raw = _ABSENT
    timestamp: msgspec.Raw = _ABSENT


# Events follow each other closely; to write out a time is the dearest part of moving it.
@lru_cache(4096)
def _to_the_second(second: int) -> bytes:
    return format_instant_us(second * SECOND_US).encode()[:20]


_decode_written = msgspec.json.Decoder(_Written).decode
_decode = msgspec.json.decode


def whole_ms(shift_us: int) -> int:
    """Return a shift, up to whole milliseconds, so that a time that is written as such keeps its place exactly."""
    return -(-shift_us // _MS_US) * _MS_US


def rewritten(line: Line, shift_us: int, id_suffix: str) -> Line:
    """Return a line whose event happened so much later, under an id with a suffix.

    A time that is a text becomes one in UTC with microseconds; one in epoch milliseconds stays such a number. An event
    without an id gets none: it then has another anyway, since the pipeline makes it of the content.

    Args:
        line: with one event, or several separated by newlines; without a time it is returned as it is.
        shift_us: see `whole_ms`.
        id_suffix: empty to keep the id.
    """
    if line.event_us is None:
        return line
    if b"\n" in line.data:
        data = b"\n".join(_rewritten(part, None, shift_us, id_suffix) for part in line.data.split(b"\n"))
    else:
        data = _rewritten(line.data, line.event_us, shift_us, id_suffix)
    return Line(line.partition_key, data, line.event_us + shift_us, line.explicit_hash_key)


def _rewritten(data: bytes, event_us: int | None, shift_us: int, id_suffix: str) -> bytes:
    """Return one event's bytes anew; when it happened is read from them where it is not given."""
    try:
        written = _decode_written(data)
        name, time = "event_timestamp", bytes(written.event_timestamp)
        if time == b"null":
            name, time = "timestamp", bytes(written.timestamp)
        later = _later(time, event_us, shift_us)
    except (ValueError, OverflowError, RecursionError):
        return data
    if shift_us:
        data = _exchanged(data, name, time, later)
    if id_suffix and (event_id := bytes(written.event_id)) not in (b"null", b'""'):
        data = _exchanged(data, "event_id", event_id, _suffixed(event_id, id_suffix))
    return data


def _later(time: bytes, event_us: int | None, shift_us: int) -> bytes:
    """Return a time, as JSON, moved.

    Raises:
        ValueError: it names no instant.
        OverflowError: it would be outside of the calendar.
    """
    if time.startswith(b'"'):
        second, us = divmod((parse_instant_us(_decode(time)) if event_us is None else event_us) + shift_us, SECOND_US)
        return b'"%s%06dZ"' % (_to_the_second(second), us)
    value = _decode(time)
    if isinstance(value, int) and not isinstance(value, bool):
        return b"%d" % (value + shift_us // _MS_US)
    if isinstance(value, float):
        moved_us = round(value * _MS_US) + shift_us
        return repr(moved_us / _MS_US).encode()
    raise ValueError("no time")


def _suffixed(event_id: bytes, suffix: str) -> bytes:
    """Return an id, as JSON, with a suffix; what can be no id stays."""
    if event_id.startswith(b'"'):
        return event_id[:-1] + suffix.encode() + b'"'
    return b'"' + event_id + suffix.encode() + b'"' if event_id[:1] in b"-0123456789" else event_id


def _exchanged(data: bytes, name: str, value: bytes, new: bytes) -> bytes:
    """Return an object in which a field that has a value has another."""
    if data.count(value) == 1:
        return data.replace(value, new)
    start, end = list(_places(data, name))[-1]
    return data[:start] + new + data[end:]


def _places(data: bytes, name: str) -> Iterator[tuple[int, int]]:
    """Yield where an object itself has the values of a field, from the first byte to behind the last; scalars alone."""
    depth = 0
    key: bytes | None = None
    is_key = False
    for token in _TOKEN.finditer(data):
        text = token[0]
        if text in (b"{", b"["):
            depth += 1
            is_key = depth == 1
        elif text in (b"}", b"]"):
            depth -= 1
        elif depth == 1 and text == b",":
            is_key = True
        elif depth == 1 and text == b":":
            is_key = False
        elif depth == 1 and is_key:
            key = text
        elif depth == 1 and key is not None and _decode(key) == name:
            yield token.span()
