"""One file that others put among the raw objects: its events to alerts, each once, and its bad lines to dead letters.

The same decoding and the same doors as the job's. A file is read as a stream and worked through in small groups: claim,
publish, keep the receipts, mark done. Whatever breaks in between, the next try leaves out what is done and says of the
rest whether it may be a repeat. Where the reading itself breaks off, what was read is worked through all the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass

import msgspec

from schemas.alert import PurchaseAlert, alert_of, decode_alert, encode_alert
from schemas.dead_letter import DeadLetter, dead_letter_of, decode_dead_letter, encode_dead_letter
from schemas.errors import ClickstreamError
from schemas.event import MAX_EVENT_BYTES, RejectReason
from schemas.notices import Notice
from stream_jobs.deadline import Deadline
from stream_jobs.decoding import Decoded, DecodedAlert, Decoder, state_key
from stream_jobs.idempotency import MAX_KEYS_READ, OnceTable
from stream_jobs.object_content import Piece, pieces
from stream_jobs.outbox import Door
from stream_jobs.patience import StoppedError
from stream_jobs.sending import Sent, send

# A group is what one read of the once-table covers, unless its events are large.
_GROUP_SIZE = MAX_KEYS_READ
_GROUP_BYTES = 4 * 1024 * 1024
# One byte more than an event may have, so that the codec sees that it is too long.
_MAX_PIECE_BYTES = MAX_EVENT_BYTES + 1
# What a dead letter says, and of which file: characters that all fit a queue message, which cuts what is longer.
_MAX_DETAIL = 150
_MAX_ADDRESS = 300


class BusyError(Exception):
    """Some of it is in the hands of another invocation, or of one that died not long ago."""


@dataclass(frozen=True, slots=True)
class _Task:
    """One thing to do once: an event's alert by one rule, or a bad line's dead letter.

    Attributes:
        key: names it for ever, in at most 130 characters.
        size_bytes: about what it takes of memory.
    """

    key: str
    size_bytes: int
    what: PurchaseAlert | DeadLetter


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
            ObjectGoneError: the file is gone; what was read of it is done.
            WorkFailedError: a service refused, or failed for too long.
            StoppedError: a service failed until the end of the time.
        """
        with closing(self._tasks(notice, blocks, deadline, counts)) as tasks:
            for group in _groups(tasks):
                self._settle(group, owner, deadline, counts)
        if counts["busy"]:
            raise BusyError(f"{counts['busy']} of {notice.address} are in other hands")

    def _tasks(
        self, notice: Notice, blocks: Iterable[bytes], deadline: Deadline, counts: Counter[str]
    ) -> Generator[_Task, None, None]:
        """Yield what there is to do, as long as there is time to begin more."""
        found = Decoded()
        try:
            for piece in pieces(blocks, _MAX_PIECE_BYTES, deadline.require_time):
                if piece.damage is None and not piece.is_cut:
                    self._decoder.line(piece.data, notice.event_us, found)
                else:
                    found.events += piece.damage is None
                    found.dead_letters.append(_unusable(piece, notice))
                if found.alerts or found.dead_letters:
                    deadline.require_time()
                    for decoded in found.alerts:
                        yield from _alert_tasks(decoded, piece, notice)
                    yield from (_letter_task(letter, piece, notice) for letter in found.dead_letters)
                    found.alerts.clear()
                    found.dead_letters.clear()
        finally:
            counts.update(events=found.events, filtered=found.filtered, too_old=found.too_old)

    def _settle(self, group: list[_Task], owner: str, deadline: Deadline, counts: Counter[str]) -> None:
        """Do the tasks of a group, each once: mark what is done, release what was not begun.

        The rest waits for its lease to end, and may be a repeat then.

        Raises:
            WorkFailedError: not everything could be delivered.
            StoppedError: the same, for want of time.
        """
        deadline.require_time_to_end()
        tasks: dict[str, _Task] = {}
        for task in group:
            tasks.setdefault(task.key, task)
        claims = self._once.claim(list(tasks), owner, deadline.lease_until_us(self._now_us()))
        counts.update(duplicates=len(group) - len(tasks) + len(claims.done), busy=len(claims.busy))
        alerts: dict[str, bytes] = {}
        letters: dict[str, bytes] = {}
        reasons: dict[str, str] = {}
        for key, may_be_repeat in claims.mine.items():
            what = tasks[key].what
            if isinstance(what, DeadLetter):
                letters[key] = encode_dead_letter(what)
                reasons[key] = what.reason
            else:
                alerts[key] = encode_alert(msgspec.structs.replace(what, maybe_repeat=may_be_repeat))
        published = self._send(self._doors.topics, alerts.values(), counts)
        rejected = {_rejected_key(letter): letter for letter in published.dead_letters}
        told = self._send(self._doors.dead_letters, (letters | rejected).values(), counts)
        kept = self._send(self._doors.receipts, published.receipts, counts)

        told_keys = [*letters, *rejected]
        done = _those(told_keys, told.settled)
        if kept.failure is None:
            done |= _those(alerts, published.settled) - rejected.keys()
        begun = _those(alerts, published.settled | published.unsure) | _those(told_keys, told.settled | told.unsure)
        untouched = [key for key, may_be_repeat in claims.mine.items() if key not in begun and not may_be_repeat]
        failure = claims.failure or published.failure or told.failure or kept.failure
        counts.update(f"dead_letters_{reason}" for key, reason in reasons.items() if key in done)
        self._conclude(done, untouched, owner, failure)

    def _send(self, door: Door, bodies: Collection[bytes], counts: Counter[str]) -> Sent:
        sent = send(door, list(bodies), self._threads, self._max_flights)
        counts.update(sent.counts)
        return sent

    def _conclude(
        self, done: Iterable[str], untouched: Iterable[str], owner: str, failure: BaseException | None
    ) -> None:
        try:
            self._once.done(done)
            self._once.release(untouched, owner)
        except (ClickstreamError, StoppedError) as error:
            if failure is None:
                raise
            raise failure from error
        if failure is not None:
            raise failure


def _those(keys: Iterable[str], positions: set[int]) -> set[str]:
    return {key for position, key in enumerate(keys) if position in positions}


def _groups(tasks: Iterable[_Task]) -> Iterator[list[_Task]]:
    """Yield tasks together; where their reading breaks off, first those that were read."""
    group: list[_Task] = []
    size_bytes = 0
    try:
        for task in tasks:
            group.append(task)
            size_bytes += task.size_bytes
            if len(group) == _GROUP_SIZE or size_bytes >= _GROUP_BYTES:
                yield group
                group, size_bytes = [], 0
    except Exception:
        if group:
            yield group
        raise
    if group:
        yield group


def _alert_tasks(decoded: DecodedAlert, piece: Piece, notice: Notice) -> Iterator[_Task]:
    for rule in decoded.rules:
        alert = alert_of(decoded.event, notice.event_us, rule.name)
        yield _Task(_alert_key(alert), piece.length, alert)


def _alert_key(alert: PurchaseAlert) -> str:
    # The same scope as in the job, where an event id is remembered for its user.
    return f"{state_key(alert.user_id)}-{state_key(alert.event_id)}-{alert.rule}"


def _rejected_key(letter: bytes) -> str:
    """Return the key of the alert in a letter of the topics' door."""
    return _alert_key(decode_alert(decode_dead_letter(letter).payload() or b""))


def _letter_task(letter: DeadLetter, piece: Piece, notice: Notice) -> _Task:
    place = f"{notice.address}\n{notice.etag}\n{notice.version_id}\n{piece.number}"
    detail = f"{letter.detail[:_MAX_DETAIL]}; piece {piece.number} of {_shortened(notice.address)}"
    letter = msgspec.structs.replace(letter, detail=detail)
    return _Task(f"letter-{state_key(place)}", len(piece.data), letter)


def _shortened(address: str) -> str:
    """Return an address, or of a long one the beginning and the end."""
    if len(address) <= _MAX_ADDRESS:
        return address
    return f"{address[: _MAX_ADDRESS // 2]}…{address[-_MAX_ADDRESS // 2 :]}"


def _unusable(piece: Piece, notice: Notice) -> DeadLetter:
    if piece.damage is not None:
        reason, detail = RejectReason.DAMAGED_OBJECT, f"{piece.damage}; what was left before that is here"
    else:
        reason, detail = RejectReason.TOO_LARGE, f"{piece.length} bytes, limit {MAX_EVENT_BYTES}; the first are here"
    return dead_letter_of(piece.data, reason=reason, detail=detail, stage="decode", arrival_us=notice.event_us)
