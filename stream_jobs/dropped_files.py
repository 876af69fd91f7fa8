"""One file that others put among the raw objects: its events to alerts, each once, and its bad lines to dead letters.

The same decoding and the same doors as the job's. A file is read as a stream and worked through in small groups: claim,
publish, keep the receipts, mark done. Whatever breaks in between, the next try leaves out what is done and says of the
rest whether it may be a repeat.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass, field

import msgspec

from schemas.alert import PurchaseAlert, alert_of, encode_alert
from schemas.dead_letter import DeadLetter, dead_letter_of, encode_dead_letter
from schemas.errors import ClickstreamError
from schemas.event import MAX_EVENT_BYTES, RejectReason
from stream_jobs.claims import Claims
from stream_jobs.deadline import Deadline
from stream_jobs.decoding import Decoded, DecodedAlert, Decoder, state_key
from stream_jobs.idempotency import MAX_KEYS_READ, OnceTable
from stream_jobs.notices import Notice
from stream_jobs.object_content import Piece, pieces
from stream_jobs.outbox import Door
from stream_jobs.patience import StoppedError
from stream_jobs.sending import Sent, send

# A group is what one read of the once-table covers, unless its events are large.
_GROUP_SIZE = MAX_KEYS_READ
_GROUP_BYTES = 4 * 1024 * 1024
# One byte more than an event may have, so that the codec sees that it is too long.
_MAX_PIECE_BYTES = MAX_EVENT_BYTES + 1


class BusyError(Exception):
    """Some of it is in the hands of another invocation, or of one that died not long ago."""


@dataclass(slots=True)
class _Task:
    """One thing to do once: an event's alerts, or a bad line's dead letter.

    Attributes:
        key: names it for ever.
        size_bytes: about what it takes of memory.
    """

    key: str
    size_bytes: int
    alerts: list[PurchaseAlert] = field(default_factory=list)
    letter: DeadLetter | None = None


@dataclass(frozen=True, slots=True)
class Doors:
    """Where things go."""

    topics: Door
    receipts: Door
    dead_letters: Door


class DroppedFiles:
    """Alerts files.

    Args:
        decoder: decides what is alerted.
        once: what was delivered before.
        doors: where to.
        threads: make several calls at a time.
        max_flights: so many.
        now_us: the clock.
    """

    def __init__(
        self,
        decoder: Decoder,
        once: OnceTable,
        doors: Doors,
        threads: Executor,
        max_flights: int,
        now_us: Callable[[], int],
    ) -> None:
        self._decoder = decoder
        self._once = once
        self._doors = doors
        self._threads = threads
        self._max_flights = max_flights
        self._now_us = now_us

    def alert(
        self, notice: Notice, blocks: Iterable[bytes], owner: str, deadline: Deadline, counts: Counter[str]
    ) -> None:
        """Work through a file.

        Args:
            notice: which file.
            blocks: its bytes.
            owner: who claims, unlike anybody else at any time.
            deadline: when to leave the rest to the next try.
            counts: what was done is added to it, also where an error ends the work.

        Raises:
            BusyError: all was done but what another holds.
            OutOfTimeError: there is more to do than time.
            WorkFailedError: a service refused, or failed for too long.
            StoppedError: a service failed until the end of the time.
        """
        with closing(self._tasks(notice, _while_there_is_time(blocks, deadline), counts)) as tasks:
            for group in _groups(tasks):
                self._settle(group, owner, deadline, counts)
        if counts["busy"]:
            raise BusyError(f"{counts['busy']} of {notice.address} are in other hands")

    def _tasks(self, notice: Notice, blocks: Iterable[bytes], counts: Counter[str]) -> Generator[_Task, None, None]:
        found = Decoded()
        try:
            for piece in pieces(blocks, _MAX_PIECE_BYTES):
                if piece.damage is None and not piece.is_cut:
                    self._decoder.line(piece.data, notice.event_us, found)
                else:
                    found.events += piece.damage is None
                    found.dead_letters.append(_unusable(piece, notice))
                if found.alerts or found.dead_letters:
                    yield from (_alert_task(alert, piece, notice) for alert in found.alerts)
                    yield from (_letter_task(letter, piece, notice) for letter in found.dead_letters)
                    found.alerts.clear()
                    found.dead_letters.clear()
        finally:
            counts.update(events=found.events, filtered=found.filtered, too_old=found.too_old)

    def _settle(self, group: list[_Task], owner: str, deadline: Deadline, counts: Counter[str]) -> None:
        """Do the tasks of a group, each once."""
        deadline.require_time()
        tasks: dict[str, _Task] = {}
        for task in group:
            tasks.setdefault(task.key, task)
        claims = self._once.claim(list(tasks), owner, deadline.lease_until_us(self._now_us()))
        work = _Work([tasks[key] for key in claims.mine], claims)
        published = self._send(self._doors.topics, work.alerts, counts)
        told = self._send(self._doors.dead_letters, work.letters + published.dead_letters, counts)
        kept = self._send(self._doors.receipts, published.receipts, counts)
        counts.update(duplicates=len(group) - len(tasks) + len(claims.done), busy=len(claims.busy))
        counts.update(f"dead_letters_{task.letter.reason}" for task in work.tasks if task.letter)
        self._conclude(work, published, told, kept, owner)

    def _send(self, door: Door, bodies: list[bytes], counts: Counter[str]) -> Sent:
        sent = send(door, bodies, self._threads, self._max_flights)
        counts.update(sent.counts)
        return sent

    def _conclude(self, work: _Work, published: Sent, told: Sent, kept: Sent, owner: str) -> None:
        """Mark what is done and release what was not begun; the rest waits for its lease to end, and may be a repeat.

        Raises:
            WorkFailedError: not everything could be delivered.
            StoppedError: the same, for want of time.
        """
        failure = work.claims.failure or published.failure or told.failure or kept.failure
        try:
            self._once.done(work.done(published, told, kept))
            self._once.release(work.untouched(published, told), owner)
        except (ClickstreamError, StoppedError) as error:
            if failure is None:
                raise
            raise failure from error
        if failure is not None:
            raise failure


class _Work:
    """The tasks of a group that are ours, and the bodies that they come to."""

    def __init__(self, tasks: list[_Task], claims: Claims) -> None:
        self.tasks = tasks
        self.claims = claims
        self.alerts: list[bytes] = []
        self.letters: list[bytes] = []
        self._alert_positions: dict[str, set[int]] = {}
        self._letter_positions: dict[str, set[int]] = {}
        for task in tasks:
            if task.letter is not None:
                self._letter_positions[task.key] = {len(self.letters)}
                self.letters.append(encode_dead_letter(task.letter))
                continue
            start = len(self.alerts)
            self.alerts += [_encoded(alert, may_be_repeat=claims.mine[task.key]) for alert in task.alerts]
            self._alert_positions[task.key] = set(range(start, len(self.alerts)))

    def done(self, published: Sent, told: Sent, kept: Sent) -> list[str]:
        """Return what is delivered, with what belongs to it: the receipt of an alert, or the letter of a refusal."""
        are_accounted = kept.failure is None and (told.failure is None or not published.dead_letters)
        done = [key for key, positions in self._letter_positions.items() if positions <= told.settled]
        if are_accounted:
            done += [key for key, positions in self._alert_positions.items() if positions <= published.settled]
        return done

    def untouched(self, published: Sent, told: Sent) -> list[str]:
        """Return what nobody has tried to deliver, in this invocation or before."""
        begun = published.settled | published.unsure
        alerts = [key for key, positions in self._alert_positions.items() if not positions & begun]
        begun = told.settled | told.unsure
        letters = [key for key, positions in self._letter_positions.items() if not positions & begun]
        return [key for key in alerts + letters if not self.claims.mine[key]]


def _groups(tasks: Iterable[_Task]) -> Iterator[list[_Task]]:
    group: list[_Task] = []
    size_bytes = 0
    for task in tasks:
        group.append(task)
        size_bytes += task.size_bytes
        if len(group) == _GROUP_SIZE or size_bytes >= _GROUP_BYTES:
            yield group
            group, size_bytes = [], 0
    if group:
        yield group


def _while_there_is_time(blocks: Iterable[bytes], deadline: Deadline) -> Iterator[bytes]:
    for block in blocks:
        deadline.require_time()
        yield block


def _alert_task(found: DecodedAlert, piece: Piece, notice: Notice) -> _Task:
    # The same scope as in the job, where an event id is remembered for its user.
    key = f"{state_key(found.event.user_id)}-{state_key(found.event.event_id)}"
    alerts = [alert_of(found.event, notice.event_us, rule.name) for rule in found.rules]
    return _Task(key, piece.length * len(alerts), alerts=alerts)


def _letter_task(letter: DeadLetter, piece: Piece, notice: Notice) -> _Task:
    place = f"{notice.address}\n{notice.etag}\n{notice.version_id}\n{piece.number}"
    detail = f"{letter.detail}; piece {piece.number} of {notice.address}"
    letter = msgspec.structs.replace(letter, detail=detail)
    return _Task(f"letter-{state_key(place)}", len(piece.data), letter=letter)


def _unusable(piece: Piece, notice: Notice) -> DeadLetter:
    if piece.damage is not None:
        reason, detail = RejectReason.DAMAGED_OBJECT, f"{piece.damage}; what was left before that is here"
    else:
        reason, detail = RejectReason.TOO_LARGE, f"{piece.length} bytes, limit {MAX_EVENT_BYTES}; the first are here"
    return dead_letter_of(piece.data, reason=reason, detail=detail, stage="decode", arrival_us=notice.event_us)


def _encoded(alert: PurchaseAlert, *, may_be_repeat: bool) -> bytes:
    return encode_alert(msgspec.structs.replace(alert, maybe_repeat=True) if may_be_repeat else alert)
