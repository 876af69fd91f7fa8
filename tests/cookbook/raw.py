"""What raw objects hold, read by nothing but the standard library: events, conflicts, lines that are none.

Knows only what the contract of the events says, and none of the pipeline's code.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

_FOLDER = re.compile(r"year=(\d+)/month=(\d+)/day=(\d+)/hour=(\d+)/")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the tables keep UTC without a zone


class _NoEventError(Exception):
    """Why a line is none."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line that is an event."""

    id: str
    user: str
    session: str
    type: str
    at: datetime
    device: str | None
    page: str | None
    referrer: str | None
    metadata: Mapping[str, str]
    key: str
    line: int

    @property
    def hour(self) -> datetime:
        return self.at.replace(minute=0, second=0, microsecond=0)

    @property
    def visit(self) -> tuple[str, str]:
        return self.user, self.session

    @property
    def payload(self) -> tuple[object, ...]:
        told = tuple(sorted(self.metadata.items()))
        return self.user, self.session, self.type, self.at, self.device, self.page, self.referrer, told


@dataclass(frozen=True, slots=True)
class NoEvent:
    """One line that is none, and is not blank."""

    key: str
    line: int
    reason: str


@dataclass(frozen=True)
class Raw:
    """All lines of some objects."""

    lines: list[Event] = field(default_factory=list)
    broken: list[NoEvent] = field(default_factory=list)

    @cached_property
    def facts(self) -> list[Event]:
        """Of each id of an hour the line that comes first by object and line; in order of time."""
        first: dict[tuple[datetime, str], Event] = {}
        for event in sorted(self.lines, key=lambda event: (event.key, event.line)):
            first.setdefault((event.hour, event.id), event)
        return sorted(first.values(), key=lambda event: (event.at, event.id))

    @cached_property
    def conflicts(self) -> Counter[datetime]:
        """Hour -> other payloads of ids that are facts."""
        payloads: defaultdict[tuple[datetime, str], set[object]] = defaultdict(set)
        for event in self.lines:
            payloads[event.hour, event.id].add(event.payload)
        counted: Counter[datetime] = Counter()
        for (hour, _), different in payloads.items():
            counted[hour] += len(different) - 1
        return counted

    def of_day(self, day: int) -> list[Event]:
        return [event for event in self.of_month() if event.at.day == day]

    def of_month(self) -> list[Event]:
        return [event for event in self.facts if (event.at.year, event.at.month) == (2026, 11)]


def read(objects: Mapping[str, bytes], keys: Iterable[str] | None = None) -> Raw:
    """Return what objects hold, or some of them."""
    raw = Raw()
    for key in sorted(objects if keys is None else keys):
        for number, line in enumerate(gzip.decompress(objects[key]).split(b"\n"), 1):
            if not line.strip():
                continue
            try:
                raw.lines.append(_event(line, key, number))
            except _NoEventError as why:
                raw.broken.append(NoEvent(key, number, str(why)))
    return raw


def arrival_of(key: str) -> datetime:
    """Return the hour that an object's folder names."""
    match = _FOLDER.search(key)
    assert match, key
    year, month, day, hour = map(int, match.groups())
    return datetime(year, month, day, hour)  # noqa: DTZ001


def _event(line: bytes, key: str, number: int) -> Event:
    try:
        said = json.loads(line.decode())
    except UnicodeDecodeError:
        raise _NoEventError("invalid_utf8") from None
    except ValueError:
        raise _NoEventError("not_json") from None
    if not isinstance(said, dict):
        raise _NoEventError("not_an_object")
    user, session = (_text(said, name) for name in ("user_id", "session_id"))
    kind = _text(said, "event_type", "action")
    at = _instant(said.get("event_timestamp") or said.get("timestamp"), arrival_of(key))
    metadata = {
        name: value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        for name, value in (said.get("metadata") or {}).items()
        if value is not None
    }
    device, page, referrer = (said.get(name) or None for name in ("device_type", "page_url", "referrer_url"))
    event = Event("", user, session, kind, at, device, page, referrer, metadata, key, number)
    # A retry of a line without an id is the same event: it says the same.
    identity = said.get("event_id") or json.dumps(event.payload, default=str)
    return replace(event, id=str(identity))


def _text(said: Mapping[str, Any], *names: str) -> str:
    value = next((said[name] for name in names if said.get(name) is not None), None)
    if value is None:
        raise _NoEventError("missing_field")
    if not isinstance(value, str | int):
        raise _NoEventError("wrong_type")
    if value == "":
        raise _NoEventError("empty_field")
    return str(value)


def _instant(said: object, arrival: datetime) -> datetime:
    try:
        at = (
            _EPOCH + timedelta(milliseconds=said)
            if isinstance(said, int)
            else datetime.fromisoformat(str(said)).astimezone(UTC).replace(tzinfo=None)
        )
    except ValueError:
        raise _NoEventError("bad_timestamp") from None
    if at.year < 2000 or at > arrival + timedelta(hours=25):
        raise _NoEventError("absurd_timestamp")
    return at


def grouped(events: Iterable[Event], by: Any) -> Iterator[tuple[Any, list[Event]]]:
    """Yield (key, events in their order), keys as they come first."""
    groups: defaultdict[Any, list[Event]] = defaultdict(list)
    for event in events:
        groups[by(event)].append(event)
    yield from groups.items()
