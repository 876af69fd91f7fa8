"""The answer key as it is written: an entry for each line as it is made, and the counts at the end.

Its memory does not grow with the lines. No set of ids is needed to count distinct ones: ids are made once, so a line is
the first of its id, a copy, or another payload, and whoever makes it knows which.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import BinaryIO

import msgspec
from zlib_ng import zlib_ng

from producers.answer_key import Accepted, Entry, Refused, Run, Total, Unsendable
from producers.faults.alert_duty import AlertDuty, Duty
from producers.lines import line_digest_text
from schemas.alert import alert_of, content_digest
from schemas.codec import payload_digest
from schemas.errors import WorkFailedError
from schemas.event import ClickEvent, RejectReason
from schemas.instants import HOUR_US, format_instant_us

_HELD_ENTRIES = 500
# Most of an entry is digests, which no level makes smaller.
_LEVEL = 2
_GZIP = 16 + zlib_ng.MAX_WBITS
_HOUR_CHARS = len("2026-11-24T03")
_encode = msgspec.json.Encoder().encode


class KeyWriter:
    """Writes one process's part of a key.

    Args:
        file: takes the bytes; whoever opened it closes it.
        run: what is run.
        duty: which events must be alerted.
    """

    def __init__(self, file: BinaryIO, run: Run, duty: AlertDuty) -> None:
        self._file = file
        self._duty = duty
        self._gzip = zlib_ng.compressobj(_LEVEL, zlib_ng.DEFLATED, _GZIP)
        self._held = [_encode(run)]
        self._hours: dict[int, str] = {}
        # (hour, type) -> how many.
        self._facts: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._refused: Counter[str] = Counter()
        self._lines = self._duplicates = self._conflicts = self._unsendable = 0
        self._alerts = self._alerts_allowed = 0

    def fact(self, data: bytes, event: ClickEvent, fault: str) -> None:
        """Note the first line of an id.

        Args:
            data: the line's bytes.
            event: what it says, with the id by which the tables must know it.
            fault: the name of its fault.
        """
        entry = self._accepted(data, event, fault)
        self._facts[entry.hour, entry.type] += 1
        if entry.alert:
            self._alerts += 1
        elif entry.alert_allowed:
            self._alerts_allowed += 1

    def duplicate(self, data: bytes, event: ClickEvent, fault: str) -> None:
        """Note a copy of a line."""
        self._accepted(data, event, fault)
        self._duplicates += 1

    def conflict(self, data: bytes, event: ClickEvent, fault: str) -> None:
        """Note another payload under an id, of the same type and hour."""
        self._accepted(data, event, fault)
        self._conflicts += 1

    def refused(self, data: bytes, reason: RejectReason, fault: str) -> None:
        """Note a line that must be quarantined."""
        self._write(Refused(reason=reason, line=line_digest_text(data), fault=fault))
        self._refused[reason] += 1

    def unsendable(self, data: bytes, fault: str) -> None:
        """Note a line that no stream takes."""
        self._write(Unsendable(line=line_digest_text(data), fault=fault))
        self._unsendable += 1

    def close(self) -> Total:
        """Write the end, and return it.

        Raises:
            WorkFailedError: the file takes no more.
        """
        facts_by_hour: dict[str, dict[str, int]] = {}
        for (hour, event_type), count in sorted(self._facts.items()):
            facts_by_hour.setdefault(hour, {})[event_type] = count
        total = Total(
            lines=self._lines,
            facts=sum(self._facts.values()),
            facts_by_hour=facts_by_hour,
            duplicates=self._duplicates,
            conflicts=self._conflicts,
            refused=self._refused,
            unsendable=self._unsendable,
            alerts=self._alerts,
            alerts_allowed=self._alerts_allowed,
        )
        self._held.append(_encode(total))
        self._hand_on()
        self._put(self._gzip.flush())
        return total

    def _accepted(self, data: bytes, event: ClickEvent, fault: str) -> Accepted:
        number = event.event_timestamp_us // HOUR_US
        hour = self._hours.get(number) or self._hours.setdefault(number, _hour_text(number))
        duty = self._duty.of(event)
        entry = Accepted(
            id=event.event_id,
            hour=hour,
            type=event.event_type,
            payload=payload_digest(event),
            line=line_digest_text(data),
            fault=fault,
            alert=duty is Duty.REQUIRED,
            alert_allowed=duty is Duty.ALLOWED,
            alert_content="" if duty is Duty.NONE else content_digest(alert_of(event, arrival_us=0)),
        )
        self._write(entry)
        return entry

    def _write(self, entry: Entry) -> None:
        self._lines += 1
        self._held.append(_encode(entry))
        if len(self._held) >= _HELD_ENTRIES:
            self._hand_on()

    def _hand_on(self) -> None:
        self._held.append(b"")
        self._put(self._gzip.compress(b"\n".join(self._held)))
        self._held.clear()

    def _put(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            raise WorkFailedError(f"the answer key cannot be written: {error}") from error


def _hour_text(number: int) -> str:
    return format_instant_us(number * HOUR_US)[:_HOUR_CHARS]
