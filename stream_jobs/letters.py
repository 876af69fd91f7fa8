"""Looking through the dead-letter queue: every letter once, each given back unless it is taken out.

A queue cannot be looked into. What is read is hidden from every reader for a while; here it is remembered, and shown
again to the others at the end, or by itself where this process does not live to see it. Refuses to read for ever: it
ends when only letters come that it knows by their ids, or that were sent since it began, and at a bound of its memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any

from schemas.errors import WorkFailedError
from stream_jobs import aws_calls
from stream_jobs.found_letters import Found, found_in
from stream_jobs.outbox import MAX_BATCH_ENTRIES
from stream_jobs.patience import Patience, StoppedError
from stream_jobs.publishing import BatchSend, Delivered

_POLL_S = 1
# A queue keeps no exact order, but so many later letters in a row say that there is hardly an earlier one left.
_LATER_IN_A_ROW = 200
_GIVE_BACK_DEADLINE_S = 10.0
# A queue shows nothing more to anybody, and does not say so, when readers hold 120,000 messages of it.
# Source: SQS developer guide, "Amazon SQS message quotas", in-flight messages.
MOST_HELD = 100_000
# Their ids are kept in memory, some 150 bytes each.
MOST_SEEN = 1_000_000
# The time of an answer is in whole seconds. Source: RFC 9110, section 5.6.7.
_CLOCK_STEP_US = 1_000_000
_TICK_S = 0.1


@dataclass(frozen=True, slots=True)
class Count:
    """About how many letters there are; a queue counts no more exactly.

    Attributes:
        visible: which anybody can read.
        hidden: which a reader holds, or held and did not give back yet.
        at_us: when, by the queue's clock, which tells whole seconds.
    """

    visible: int
    hidden: int
    at_us: int


class LetterQueue:
    """The dead-letter queue, as read from; a context that gives back at its end what it still holds.

    Args:
        sqs: an SQS client.
        queue_url: the queue.
        hidden_s: for how long what is read is hidden from other readers.
        patience: makes the patience for one call.
        wait: pauses for some seconds and says whether to stop.
        say: tells a person what could not be given back.
    """

    def __init__(
        self,
        sqs: Any,
        queue_url: str,
        hidden_s: int,
        patience: Callable[[], Patience],
        wait: Callable[[float], bool],
        say: Callable[[str], None],
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._hidden_s = hidden_s
        self._patience = patience
        self._wait = wait
        self._say = say
        self._start: Count | None = None
        self._seen: set[str] = set()
        self._held: dict[str, str] = {}
        self.is_cut = False

    def __enter__(self) -> LetterQueue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_back()

    def start(self) -> Count:
        """Return how many letters there were when this was first asked, or began to read; raises what `rounds` does."""
        if self._start is None:
            self._start = self._count()
        return self._start

    def is_later(self, found: Found) -> bool:
        """Say whether a letter was sent since the start."""
        return found.sent_us >= self.start().at_us + _CLOCK_STEP_US

    def wait_for_later(self) -> None:
        """Wait, for a second at most, until what is sent counts as later; raises what `rounds` does."""
        while self._count().at_us <= self.start().at_us:
            if self._wait(_TICK_S):
                raise StoppedError("stopped")

    def elsewhere(self) -> int:
        """Return about how many letters this could not read, for others hold them; raises what `rounds` does."""
        start = self.start()
        # Each of these alone may be out of date for a minute.
        not_seen = start.visible + start.hidden - len(self._seen)
        return max(0, min(start.hidden, not_seen, self._count().hidden - len(self._held)))

    def rounds(self) -> Iterator[list[Found]]:
        """Give the letters, some or none at a time, until none is visible that was not given before.

        Letters that are sent meanwhile may be among them, but do not keep it going. Where there are more letters than
        one process can hold, `is_cut` is true afterwards.

        Raises:
            WorkFailedError: the queue cannot be read.
            StoppedError: it was stopped while it waited for the queue.
        """
        self.start()
        known_in_a_row = later_in_a_row = 0
        while messages := self._receive():
            fresh = []
            for message in messages:
                if self._is_known(message):
                    known_in_a_row += 1
                else:
                    found = found_in(message)
                    fresh.append(found)
                    known_in_a_row = 0
                    later_in_a_row = later_in_a_row + 1 if self.is_later(found) else 0
            yield fresh
            if known_in_a_row > len(self._seen) or later_in_a_row >= _LATER_IN_A_ROW:
                return
            if len(self._held) >= MOST_HELD or len(self._seen) >= MOST_SEEN:
                self.is_cut = True
                return

    def take_out(self, message_ids: Collection[str]) -> None:
        """Delete letters for good.

        Raises:
            WorkFailedError: the queue cannot be reached, or has shown one of them to another reader meanwhile.
            StoppedError: it was stopped while it waited for the queue.
        """
        handles = {message_id: self._held.pop(message_id) for message_id in message_ids}
        if failed := self._delete(handles):
            raise WorkFailedError(
                f"not deleted, though done with: {', '.join(failed)}; a redrive repeats them, flagged"
            )

    def _count(self) -> Count:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self._call(
            "look at", lambda: self._sqs.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=names)
        )
        visible, hidden = (int(answer["Attributes"][name]) for name in names)
        # The queue's own clock, as that of the letters: the one of this machine may be minutes off.
        at = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        return Count(visible, hidden, int(at.timestamp()) * 1_000_000)

    def _receive(self) -> list[Any]:
        answer = self._call(
            "receive from",
            lambda: self._sqs.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=MAX_BATCH_ENTRIES,
                WaitTimeSeconds=_POLL_S,
                VisibilityTimeout=self._hidden_s,
                MessageSystemAttributeNames=["SentTimestamp"],
            ),
        )
        messages: list[Any] = answer.get("Messages", [])
        return messages

    def _is_known(self, message: Any) -> bool:
        message_id, handle = message["MessageId"], message["ReceiptHandle"]
        is_known = message_id in self._seen
        if is_known and message_id not in self._held:
            # Taken out before: a queue may show once more what was deleted.
            self._delete({message_id: handle})
        else:
            self._seen.add(message_id)
            self._held[message_id] = handle
        return is_known

    def _call(self, what: str, call: Callable[[], Any]) -> Any:
        return aws_calls.call_until_answered(f"{what} {self._queue_url}", call, self._patience())

    def _delete(self, handles: dict[str, str]) -> list[str]:
        return self._each(
            "delete from",
            handles,
            lambda entries: self._sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=entries),
            self._patience,
        )

    def _give_back(self) -> None:
        held, self._held = self._held, {}
        # A stop must not cut this short.
        patience = aws_calls.patience(_GIVE_BACK_DEADLINE_S, threading.Event().wait)
        try:
            failed = self._each(
                "give back to",
                held,
                lambda entries: self._sqs.change_message_visibility_batch(
                    QueueUrl=self._queue_url, Entries=[entry | {"VisibilityTimeout": 0} for entry in entries]
                ),
                lambda: patience,
            )
        except (WorkFailedError, StoppedError) as error:
            self._say(f"{error}; {len(held)} letters come back by themselves within {self._hidden_s} s")
            return
        if failed:
            self._say(f"{len(failed)} letters come back by themselves within {self._hidden_s} s")

    def _each(
        self,
        what: str,
        handles: dict[str, str],
        call: Callable[[Sequence[dict[str, Any]]], Any],
        patience: Callable[[], Patience],
    ) -> list[str]:
        """Do something with messages in batches, and return the ids of those that the queue refuses it for."""

        def call_with(batch: Sequence[str]) -> Any:
            return call([{"Id": message_id, "ReceiptHandle": handles[message_id]} for message_id in batch])

        failed: list[str] = []
        ids = list(handles)
        for at in range(0, len(ids), MAX_BATCH_ENTRIES):
            send = BatchSend(ids[at : at + MAX_BATCH_ENTRIES])
            aws_calls.send_batch(f"{what} {self._queue_url}", call_with, send, patience())
            failed += [each for each, outcome in send.outcomes.items() if not isinstance(outcome, Delivered)]
        return failed
