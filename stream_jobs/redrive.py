"""Dead letters on their way again: decided by today's code, published, and taken out of the queue.

Publishes straight to the topics: on its way through the stream an alert would meet the memory of what was sent before.
The order is mark, publish, receipt, what is still bad, delete: a crash after any step leaves the letter in the queue,
and the mark has the next redrive flag what may be a repeat. A mark outlives its letter, for a queue may show again what
was deleted; it goes when no letter from before it can be in the queue any more. Refuses to touch what came after it
began: so it ends, whatever else is sent to the queue.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

import msgspec

from schemas.alert import PurchaseAlert, decode_alert, encode_alert
from schemas.dead_letter import DeadLetter, decode_dead_letter, encode_dead_letter
from schemas.errors import BadRecordError
from schemas.instants import DAY_US
from schemas.receipt import decode_receipt
from stream_jobs.decoding import state_key
from stream_jobs.found_letters import Found, Selection
from stream_jobs.letters import LetterQueue
from stream_jobs.marks import Marks
from stream_jobs.outbox import Door
from stream_jobs.patience import StoppedError
from stream_jobs.payloads import Payloads
from stream_jobs.redeciding import Decider, Decision
from stream_jobs.sending import Sent, send

# How many letters share an object of receipts, and how many alerts a crash repeats at most but for frames.
_GROUP = 50
# A group is not waited for longer than so many reads, of a second at most: its letters must not come back meanwhile.
_GROUP_READS = 20
_FLIGHTS = 8
# Longer than any queue keeps a message, which is 14 days. Source: SQS developer guide, "Amazon SQS message quotas".
_MARKS_KEPT_US = 15 * DAY_US


@dataclass(slots=True)
class Tally:
    """What became of the letters.

    Attributes:
        redriven: letters that are out of the queue, nothing of them bad any more.
        still_bad: letters that are still bad, or have parts that are.
        skipped: letters that were not meant, or came after it began.
        alerts: alerts that a topic has acknowledged.
        maybe_repeat: of those, the ones that say that they may be a repeat.
        duplicates: alerts that this run had published already, from another letter.
        without_alert: of the letters redriven, those of which today's rules alert nobody.
        elsewhere: letters, about, that it could not read, for another reader holds them.
        missing: message ids that were asked for and not found.
    """

    redriven: int = 0
    still_bad: int = 0
    skipped: int = 0
    alerts: int = 0
    maybe_repeat: int = 0
    duplicates: int = 0
    without_alert: int = 0
    elsewhere: int = 0
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ways:
    """Where a redrive reads and writes.

    Attributes:
        queue: the letters.
        payloads: their bytes.
        marks: which alerts were begun.
        topics: the door to the topics.
        receipts: the door to the receipts.
        dead_letters: the door to the queue, for parts that are still bad.
        threads: make the calls.
    """

    queue: LetterQueue
    payloads: Payloads
    marks: Marks
    topics: Door
    receipts: Door
    dead_letters: Door
    threads: Executor


@dataclass(slots=True)
class _Work:
    """A letter, the alerts it comes to by their keys, and what became of them."""

    found: Found
    decision: Decision
    alerts: dict[str, PurchaseAlert]
    settled: int = 0
    rejected: list[DeadLetter] = field(default_factory=list)
    is_open: bool = False

    @property
    def stays(self) -> bool:
        """Nothing of it could be used: it is its own letter as well as any."""
        return bool(self.rejected) and not self.settled and not self.decision.letters


class Redrive:
    """One redrive.

    Args:
        ways: where it reads and writes.
        decider: decides what a letter is worth.
        is_stopped: asked between groups of letters.
        on_step: called as letters are dealt with.
        on_stay: told which letter stays, and why.
    """

    def __init__(
        self,
        ways: Ways,
        decider: Decider,
        is_stopped: Callable[[], bool],
        on_step: Callable[[Tally], object],
        on_stay: Callable[[Found, str], object],
    ) -> None:
        self._ways = ways
        self._decider = decider
        self._is_stopped = is_stopped
        self._on_step = on_step
        self._on_stay = on_stay
        self._published: set[str] = set()
        self.tally = Tally()

    @property
    def is_cut(self) -> bool:
        """Whether there are more letters than one redrive looks at."""
        return self._ways.queue.is_cut

    def run(self, selection: Selection, *, dry: bool) -> None:
        """Redrive the letters that are meant; `tally` has what became of them, also after an error.

        Args:
            selection: the letters that are meant.
            dry: decide only.

        Raises:
            WorkFailedError: a far side fails; what is not done is in the queue.
            StoppedError: it was stopped; so is that.
        """
        missing = set(selection.ids)
        group: list[Found] = []
        reads = 0
        try:
            for found_now in self._ways.queue.rounds():
                meant = [each for each in found_now if selection.takes(each) and not self._ways.queue.is_later(each)]
                self.tally.skipped += len(found_now) - len(meant)
                group += meant
                missing -= {each.message_id for each in found_now}
                reads += bool(group)
                if len(group) >= _GROUP or reads >= _GROUP_READS:
                    self._take_on(group, dry=dry)
                    group, reads = [], 0
                if self._is_stopped():
                    raise StoppedError("stopped")
                if selection.ids and not missing:
                    break
            self._take_on(group, dry=dry)
            if not selection.ids or missing:
                self.tally.elsewhere = self._ways.queue.elsewhere()
        finally:
            self.tally.missing = sorted(missing)

    def forget_old_marks(self) -> None:
        """Take away the marks that no letter needs any more; raises what `run` does."""
        self._ways.marks.forget_older(self._ways.queue.start().at_us - _MARKS_KEPT_US)

    def _take_on(self, group: Sequence[Found], *, dry: bool) -> None:
        works = list(self._decided(group))
        alerts: dict[str, PurchaseAlert] = {}
        for work in works:
            for key, alert in work.alerts.items():
                if key not in self._published:
                    known = alerts.setdefault(key, alert)
                    alerts[key] = _flagged(known, alert.maybe_repeat)
        if dry:
            self._take_in(works, alerts.keys(), {})
            self.tally.alerts += len(alerts)
            for work in works:
                self._count(work)
        else:
            self._publish(works, alerts)
        self._on_step(self.tally)

    def _decided(self, group: Sequence[Found]) -> Iterable[_Work]:
        for found in group:
            try:
                if found.letter is None:
                    raise BadRecordError("the message is no dead letter of the job")
                decision = self._decider.decide(found.letter, self._ways.payloads.of(found.letter))
            except BadRecordError as error:
                self._stays(found, str(error))
            else:
                yield _Work(found, decision, {_key_of(alert): alert for alert in decision.alerts})

    def _publish(self, works: Sequence[_Work], alerts: Mapping[str, PurchaseAlert]) -> None:
        ways, keys = self._ways, list(alerts)
        marked = dict(zip(keys, ways.threads.map(ways.marks.begin, keys), strict=True))
        bodies = [encode_alert(_flagged(alert, marked[key])) for key, alert in alerts.items()]
        sent = send(ways.topics, bodies, ways.threads, _FLIGHTS)
        settled, unsure = ({keys[position] for position in positions} for positions in (sent.settled, sent.unsure))
        rejected: dict[str, DeadLetter] = {}
        for letter in map(decode_dead_letter, sent.dead_letters):
            alert = decode_alert(letter.payload() or b"")
            rejected[_key_of(alert)] = letter
            if alert.maybe_repeat:
                unsure.add(_key_of(alert))
        published = settled - rejected.keys()
        self._take_in(works, published, rejected)
        self._settle([work for work in works if not work.is_open], sent)
        for key in keys:
            if not marked[key] and key not in published | unsure:
                ways.marks.forget(key)  # it was not sent, or refused outright: nobody has it
        _require_whole(sent)

    def _take_in(self, works: Sequence[_Work], published: Collection[str], rejected: Mapping[str, DeadLetter]) -> None:
        """Note what became of the alerts of some letters; what is neither published nor rejected is open."""
        self._published.update(published)
        for work in works:
            for key in work.alerts:
                if key in self._published:
                    work.settled += 1
                elif key in rejected:
                    work.rejected.append(rejected[key])
                else:
                    work.is_open = True
        self.tally.duplicates += sum(work.settled for work in works) - len(published)

    def _settle(self, works: Sequence[_Work], sent: Sent) -> None:
        ways = self._ways
        _require_whole(send(ways.receipts, sent.receipts, ways.threads, 1))
        self.tally.alerts += len(sent.receipts)
        self.tally.maybe_repeat += sum(decode_receipt(line).maybe_repeat for line in sent.receipts)
        done = [work for work in works if not work.stays]
        parts = [encode_dead_letter(part) for work in done for part in (*work.decision.letters, *work.rejected)]
        if parts:
            ways.queue.wait_for_later()  # or this redrive would take its own letters on
        _require_whole(send(ways.dead_letters, parts, ways.threads, 1))
        ways.queue.take_out([work.found.message_id for work in done])
        for work in works:
            self._count(work)

    def _count(self, work: _Work) -> None:
        bad = [*work.decision.letters, *work.rejected]
        if bad:
            self._stays(work.found, bad[0].detail)
        else:
            self.tally.redriven += 1
            self.tally.without_alert += not work.decision.alerts

    def _stays(self, found: Found, why: str) -> None:
        self.tally.still_bad += 1
        self._on_stay(found, why)


def _key_of(alert: PurchaseAlert) -> str:
    return state_key(f"{alert.rule}\n{alert.user_id}\n{alert.event_id}")


def _flagged(alert: PurchaseAlert, maybe_repeat: bool) -> PurchaseAlert:
    return msgspec.structs.replace(alert, maybe_repeat=alert.maybe_repeat or maybe_repeat)


def _require_whole(sent: Sent) -> None:
    if sent.failure is not None:
        raise sent.failure
