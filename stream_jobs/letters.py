"""Looking through the dead-letter queue: every letter once, each given back unless it is taken out.

A queue cannot be looked into. What is read is hidden from every reader for a while; here it is remembered, and shown
again to the others at the end, or by itself where this process does not live to see it. Refuses to read for ever: it
ends when only letters come that it knows by their ids, or that were sent since it began.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import msgspec

from schemas.dead_letter import DeadLetter, Stage, decode_dead_letter
from schemas.errors import WorkFailedError
from stream_jobs import aws_calls
from stream_jobs.outbox import MAX_BATCH_ENTRIES
from stream_jobs.patience import Patience, StoppedError
from stream_jobs.publishing import BatchSend, Delivered

FOREIGN = "not_a_dead_letter"
_POLL_S = 1
# A queue keeps no exact order, but so many later letters in a row say that there is hardly an earlier one left.
_LATER_IN_A_ROW = 200
_GIVE_BACK_DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True)
class Found:
    """A message of the queue.

    Attributes:
        message_id: the queue's id of it.
        sent_us: when it was sent, by the queue's clock.
        letter: what it holds; None where it is no dead letter, for anyone may send to a queue.
        body: the message as it is.
    """

    message_id: str
    sent_us: int
    letter: DeadLetter | None
    body: str

    @property
    def reason(self) -> str:
        """Why it is in the queue."""
        return FOREIGN if self.letter is None else self.letter.reason


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters are meant; an empty set, or None, means all.

    Attributes:
        ids: message ids.
        reasons: reasons.
        stage: the stage.
    """

    ids: frozenset[str] = field(default_factory=frozenset)
    reasons: frozenset[str] = field(default_factory=frozenset)
    stage: Stage | None = None

    def takes(self, found: Found) -> bool:
        """Say whether a letter is meant."""
        stage = None if found.letter is None else found.letter.stage
        return (
            (not self.ids or found.message_id in self.ids)
            and (not self.reasons or found.reason in self.reasons)
            and (self.stage is None or stage == self.stage)
        )


class LetterQueue:
    """The dead-letter queue, as read from; a context that gives back at its end what it still holds.

    Args:
        sqs: an SQS client.
        queue_url: the queue.
        hidden_s: for how long what is read is hidden from other readers.
        began_us: now.
        patience: makes the patience for one call.
        say: tells a person what could not be given back.
    """

    def __init__(
        self,
        sqs: Any,
        queue_url: str,
        hidden_s: int,
        began_us: int,
        patience: Callable[[], Patience],
        say: Callable[[str], None],
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._hidden_s = hidden_s
        self._began_us = began_us
        self._patience = patience
        self._say = say
        self._seen: set[str] = set()
        self._held: dict[str, str] = {}

    def __enter__(self) -> LetterQueue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_back()

    def is_later(self, found: Found) -> bool:
        """Say whether a letter was sent since this began."""
        return found.sent_us >= self._began_us

    def rounds(self) -> Iterator[list[Found]]:
        """Give the letters, some at a time, until none is visible that was not given before.

        Letters that are sent meanwhile may be among them, but do not keep it going.

        Raises:
            WorkFailedError: the queue cannot be read.
            StoppedError: it was stopped while it waited for the queue.
        """
        known_in_a_row = later_in_a_row = 0
        while messages := self._receive():
            fresh = []
            for message in messages:
                if self._is_known(message):
                    known_in_a_row += 1
                else:
                    found = _found(message)
                    fresh.append(found)
                    known_in_a_row = 0
                    later_in_a_row = later_in_a_row + 1 if self.is_later(found) else 0
            if fresh:
                yield fresh
            if known_in_a_row > len(self._seen) or later_in_a_row >= _LATER_IN_A_ROW:
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

    def how_many(self) -> int:
        """Return about how many letters others can see."""
        name = "ApproximateNumberOfMessages"
        answer = self._call(
            "look at", lambda: self._sqs.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=[name])
        )
        return int(answer["Attributes"][name])

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
        failed: list[str] = []
        ids = list(handles)
        for at in range(0, len(ids), MAX_BATCH_ENTRIES):
            send = BatchSend(ids[at : at + MAX_BATCH_ENTRIES])

            def call_with(batch: Sequence[str]) -> Any:
                answer = call([{"Id": message_id, "ReceiptHandle": handles[message_id]} for message_id in batch])
                return {
                    "Successful": [
                        {"Id": done["Id"], "MessageId": done["Id"]} for done in answer.get("Successful", ())
                    ],
                    "Failed": answer.get("Failed", ()),
                }

            aws_calls.send_batch(f"{what} {self._queue_url}", call_with, send, patience())
            failed += [each for each, outcome in send.outcomes.items() if not isinstance(outcome, Delivered)]
        return failed


def _found(message: Any) -> Found:
    body = message["Body"]
    letter = None
    with suppress(msgspec.DecodeError):
        letter = decode_dead_letter(body)
    return Found(message["MessageId"], int(message["Attributes"]["SentTimestamp"]) * 1000, letter, body)
