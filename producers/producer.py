"""Events into the stream, from any thread: threads of its own send them, and every one is sent or saved.

The shell around `lanes`: here are the lock, the waiting and the threads.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

import msgspec

from producers.attestor import Attestor
from producers.batching import Record, plain_record
from producers.lane import Parcel
from producers.lanes import Lanes, UnsendableError
from producers.lines import Line, partition_key_of
from producers.pacing import Backoff
from producers.results import Result, Settlement
from producers.routing import Shard
from producers.sinks import WINDOW_LINES, Tally
from producers.stamping import Stamper
from schemas.attestation import encode_attestation
from schemas.codec import encode
from schemas.errors import ConfigError, WorkFailedError
from schemas.event import ClickEvent
from schemas.instants import SECOND_US

# Beside the lines, what is held at most before a put waits.
WINDOW_BYTES = 16 * 1024 * 1024
_SENDERS = 2
OnAttest = Callable[[bytes, int, int], object]
OnCall = Callable[[Sequence[Record], Sequence[Result], float, float], object]
_ENDED = "not tried: the work ended before"


class Keeper(Protocol):
    """What keeps the records that cannot be sent."""

    def save(self, unsent: Sequence[tuple[Record, str]]) -> None:
        """Keep records, each with the reason."""
        ...

    def close(self) -> None:
        """Let others have what is kept."""
        ...


class Producer:
    """Puts events into one Kinesis stream; `open_producer` makes one.

    Any thread may put. The events of one user arrive in the order of the calls of `put`, so threads that put for the
    same user must agree on that order themselves. It is not shared with a forked process: make one after the fork.

    An event waits at most 100 ms for others to share a record with. A put waits while the window is full, never for
    ever: what the stream does not take within the bounds of `Backoff` is saved, and makes room.

    Args:
        lanes: what waits, by shard.
        put: makes one PutRecords call; it raises nothing for a call that failed.
        list_shards: returns the stream's shards.
        spool: keeps what cannot be sent.
        stamper: numbers what `put` takes, and maybe lines before they come to `put_line`; all that it has stamped is
            attested.
        backoff: how often the shards are asked for.
        clock: seconds that never go back.
        wall_us: the time, in microseconds since the epoch.
        uniform: draws from [0, 1).
        on_attest: called with an attestation's bytes, the number of lines put before it and the number of the first
            event after it, before the attestation is put; it must not use the producer.
        on_call: called after each call with its records, their results, and when it began and ended by the clock; by
            the thread that made it.
    """

    def __init__(
        self,
        lanes: Lanes,
        put: Callable[[Sequence[Record]], list[Result]],
        list_shards: Callable[[], list[Shard]],
        spool: Keeper,
        stamper: Stamper,
        *,
        backoff: Backoff,
        clock: Callable[[], float],
        wall_us: Callable[[], int],
        uniform: Callable[[], float],
        on_attest: OnAttest | None = None,
        on_call: OnCall | None = None,
    ) -> None:
        self.tally = Tally()
        self._lanes = lanes
        self._put = put
        self._list_shards = list_shards
        self._spool = spool
        self._stamper = stamper
        self._backoff = backoff
        self._clock = clock
        self._wall_us = wall_us
        self._uniform = uniform
        self._on_attest = on_attest
        self._on_call = on_call
        self._attestor = Attestor(stamper.producer_id, stamper.digest_from, wall_us())
        # The stamper may be ahead of the lines that were put; what is attested is not, see `_attest`.
        self._stamped = stamper.stamped
        self._lock = threading.Lock()
        self._due = threading.Condition(self._lock)
        self._changed = threading.Condition(self._lock)
        self._failure = ""
        self._cause: BaseException | None = None
        self._is_aborted = self._is_closed = self._is_remapping = False
        names = [f"clickstream-put-{number}" for number in range(_SENDERS)]
        self._senders = [threading.Thread(target=self._send, name=name, daemon=True) for name in names]
        for sender in self._senders:
            sender.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except WorkFailedError:
            # What ended the block says more, such as the same failure of a put.
            if error is None:
                raise

    @property
    def settled(self) -> int:
        """How many of the lines put, counted from the first, are acknowledged or saved with all before them."""
        with self._lock:
            return self._lanes.settled

    def put(self, event: ClickEvent) -> None:
        """Take an event in, with this producer's stamp in place of any other.

        Raises:
            WorkFailedError: the stream takes nothing any more, and the event is saved like all before it; or the
                producer is closed or being closed, and the event is not taken.
        """
        if event.producer_id is not None or event.producer_seq is not None:
            event = msgspec.structs.replace(event, producer_id=None, producer_seq=None)
        data = encode(event)
        with self._lock:
            data = self._stamper.stamp(data)
            self._take(Line(partition_key_of(event.user_id, data), data))

    def put_line(self, line: Line) -> None:
        """Take a line in, as it is.

        Raises:
            WorkFailedError: as `put`.
        """
        with self._lock:
            self._take(line)

    def put_attestation(self, partition_key: str, data: bytes) -> None:
        """Take in the attestation that an earlier run had left; it counts as no line."""
        with self._lock:
            self._lanes.add_attestation(partition_key, data)
            self._due.notify()

    def _take(self, line: Line) -> None:
        lanes = self._lanes
        if lanes.held_lines >= WINDOW_LINES or lanes.held_bytes >= WINDOW_BYTES or self._failure or self._is_closed:
            self._await_room(line)
        try:
            if lanes.add(line):
                self._due.notify()
        except UnsendableError as unsendable:
            self.tally.unsendable += 1
            self._save([(plain_record(line), str(unsendable))])
        self._stamped = self._stamper.stamped

    def _await_room(self, line: Line) -> None:
        lanes = self._lanes
        try:
            while not (self._failure or self._is_closed) and (
                lanes.held_lines >= WINDOW_LINES or lanes.held_bytes >= WINDOW_BYTES
            ):
                self._changed.wait()
        except BaseException:
            self._abort()
            self._refuse(line)
            raise
        if self._is_closed:
            raise WorkFailedError("the producer is closed")
        if self._failure:
            self._refuse(line)
            raise WorkFailedError(self._failure) from self._cause

    def _refuse(self, line: Line) -> None:
        self._lanes.count += 1
        self._stamped = self._stamper.stamped
        self._save([(plain_record(line), self._failure)])

    def flush(self) -> None:
        """Return when all that was put before is settled: acknowledged, or saved where it could not be sent.

        Raises:
            WorkFailedError: the stream takes nothing any more; all that was held is saved.
        """
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        lanes = self._lanes
        put_before = lanes.count
        lanes.hurry()
        self._due.notify_all()
        try:
            while lanes.in_flight or not self._failure:
                if not self._failure and lanes.settled >= put_before and not lanes.attestations:
                    return
                self._changed.wait()
        except BaseException:
            self._abort()
            raise
        raise WorkFailedError(self._failure) from self._cause

    def close(self) -> None:
        """Flush, attest, and take nothing more. What was closed may be closed again.

        Raises:
            WorkFailedError: as `flush`.
        """
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        try:
            with self._lock:
                self._end()
        finally:
            for sender in () if self._is_aborted else self._senders:
                sender.join()
            self._spool.close()

    def _end(self) -> None:
        try:
            self._flush()
            self._attest(is_last=True)
            self._flush()
        finally:
            has_failed = bool(self._failure)
            self._failure = self._failure or "the producer is closed"
            self._due.notify_all()
            self._changed.notify_all()
            if has_failed:
                self._attest(is_last=True)

    def _send(self) -> None:
        try:
            while call := self._await_call():
                records = [parcel.record for parcel in call]
                began_s = self._clock()
                results = self._put(records)
                if self._on_call is not None:
                    self._on_call(records, results, began_s, self._clock())
                with self._lock:
                    self._note(call, results)
        except BaseException as error:
            # Nobody waits for this thread: the error goes to whoever puts or flushes.
            with self._lock:
                self._cause = error
                self._failure = self._failure or f"the producer failed: {error!r}"
                self._abort()

    def _await_call(self) -> list[Parcel]:
        """Return what to put when there is something; nothing once all has ended."""
        with self._lock:
            while not self._failure:
                if self._lanes.is_remap_due:
                    self._remap()
                    continue
                if self._wall_us() >= self._attestor.due_us:
                    self._attest(is_last=False)
                now_s = self._clock()
                if call := self._lanes.take(now_s):
                    if self._lanes.next_ready_s() < math.inf:
                        self._due.notify()
                    return call
                hour_s = (self._attestor.due_us - self._wall_us()) / SECOND_US
                self._due.wait(max(0.0, min(self._lanes.next_ready_s() - now_s, hour_s)))
        return []

    def _note(self, call: Sequence[Parcel], results: Sequence[Result]) -> None:
        if self._is_aborted:
            return
        settlement = self._lanes.settle(call, results, self._clock())
        self._count(settlement)
        if settlement.failure and not self._failure:
            self._failure = f"the stream takes no records: {settlement.failure}"
        self._end_if_failed()
        self._changed.notify_all()

    def _end_if_failed(self) -> None:
        """Save what is left when the last call has been answered."""
        if self._failure and not self._lanes.in_flight:
            self._save([(record, _ENDED) for record in self._lanes.drain()])
        if self._failure:
            self._due.notify_all()
            self._changed.notify_all()

    def _remap(self) -> None:
        """Lay the lanes anew, or wait until somebody has; the lock is not held while the shards are asked for."""
        if self._lanes.in_flight or self._is_remapping:
            self._due.wait()
            return
        self._is_remapping = True
        try:
            self._ask_and_remap()
        except (ConfigError, WorkFailedError) as error:
            self._failure = self._failure or f"the stream's shards are not known: {error}"
            self._cause = error
            self._end_if_failed()
        finally:
            self._is_remapping = False
            self._due.notify_all()
            self._changed.notify_all()

    def _ask_and_remap(self) -> None:
        for failures in range(1, self._backoff.tries + 1):
            self._lock.release()
            try:
                shards = self._list_shards()
            except WorkFailedError:
                if failures == self._backoff.tries:
                    raise
                shards = []
            finally:
                self._lock.acquire()
            if self._failure:
                return
            if shards:
                self._count(self._lanes.remap(shards))
                return
            # Lines that become due meanwhile wake it too early.
            self._due.wait_for(lambda: bool(self._failure), self._backoff.wait_s(failures, self._uniform()))

    def _attest(self, *, is_last: bool) -> None:
        """Attest what was put and is not attested yet; where the stream takes nothing, leave it in the spool."""
        # Before the first put, all that is stamped was put by the run that this one goes on with.
        stamped = self._stamped if self._lanes.count else self._stamper.stamped
        attestation = self._attestor.attest(stamped, self._wall_us(), is_last=is_last)
        if attestation is None:
            return
        data = encode_attestation(attestation)
        if self._on_attest is not None:
            self._on_attest(data, self._lanes.count, attestation.last_seq + 1)
        if self._failure:
            self._save([(Record(attestation.producer_id, data, 0), self._failure)])
        else:
            self._lanes.add_attestation(attestation.producer_id, data)
            self._due.notify()

    def _abort(self) -> None:
        """Save everything at once, what is in a call too; it may then arrive twice."""
        self._is_aborted = True
        self._failure = self._failure or _ENDED
        self._save([(record, _ENDED) for record in self._lanes.drain()])
        self._due.notify_all()
        self._changed.notify_all()

    def _count(self, settlement: Settlement) -> None:
        tally = self.tally
        tally.sent += settlement.lines
        tally.records += settlement.records
        tally.bytes += settlement.bytes
        tally.attestations += settlement.attestations
        tally.retried += settlement.retried
        tally.throttled += settlement.throttled
        tally.remapped += settlement.remapped
        self._save(settlement.given_up)

    def _save(self, unsent: list[tuple[Record, str]]) -> None:
        if not unsent:
            return
        lines = sum(record.lines for record, _ in unsent)
        self.tally.failed += lines
        self.tally.first_failure = self.tally.first_failure or unsent[0][1]
        try:
            self._spool.save(unsent)
        except OSError as error:
            # Going on would lose more.
            self.tally.lost += lines
            self._failure = f"what cannot be sent cannot be saved: {error}"
            self._cause = error
            self._end_if_failed()
