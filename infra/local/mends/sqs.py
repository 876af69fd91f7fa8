"""SQS: a standard queue's backlog is not scanned for each message, and no two receivers get one message at once.

The library scans the queue for each message sent, received and deleted. FIFO queues are left as they are.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from moto.core.utils import camelcase_to_underscores
from moto.sqs import models
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, SQSBackend

from infra.local.mends.mend import Mend

# A message in flight becomes visible again without anyone saying so; this is how late a waiting receiver may notice.
_VISIBILITY_CHECK_S = 0.25
_receive_message = SQSBackend.receive_message


def _now_ms() -> float:
    return time.time() * 1000


class NamedMessage(Message):  # type: ignore[misc]
    """A message whose receipt handles begin with its id."""

    def mark_received(self, visibility_timeout: int | None = None) -> None:
        """Count the receipt, hide the message for the timeout and give it a new handle."""
        if not self.approximate_receive_count:
            self.approximate_first_receive_timestamp = int(_now_ms())
        self.approximate_receive_count += 1
        self.visible_at = _now_ms() + int(visibility_timeout or 0) * 1000
        self.receipt_handle = f"{self.id}#{self.approximate_receive_count}"


class MessageLog(dict[str, Any]):
    """Messages by id in the order of their arrival, with what the library expects of a list."""

    def append(self, message: Any) -> None:
        """Add a message at the end."""
        self[message.id] = message

    def remove(self, message: Any) -> None:
        """Take a message out."""
        del self[message.id]

    def __iter__(self) -> Iterator[Any]:
        # A copy, made in one step: other threads add and delete meanwhile.
        return iter(list(self.values()))


class LazyAttributes(Mapping[str, Any]):
    """A queue's attributes, each computed only when it is asked for."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self._names = [
            *queue.BASE_ATTRIBUTES,
            *(queue.FIFO_ATTRIBUTES if queue.fifo_queue else ()),
            *(queue.KMS_ATTRIBUTES if queue.kms_master_key_id else ()),
        ]

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        value = getattr(self._queue, camelcase_to_underscores(name))
        if name == "RedrivePolicy" and value:
            return json.dumps(value)
        return str(value).lower() if isinstance(value, bool) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class IndexedQueue(Queue):  # type: ignore[misc]
    """A queue that finds a message by its receipt handle."""

    @property
    def _messages(self) -> MessageLog:
        return self._log

    @_messages.setter
    def _messages(self, messages: list[Any]) -> None:
        self._log = MessageLog((message.id, message) for message in messages)

    @property
    def attributes(self) -> LazyAttributes:
        """The attributes by name."""
        return LazyAttributes(self)

    def delete_message(self, receipt_handle: str) -> None:
        """Delete a message by any handle it ever had; again is no error."""
        message_id = receipt_handle.partition("#")[0]
        message = self._log.pop(message_id, None)
        if message is None and message_id not in self.deleted_messages:
            raise ReceiptHandleIsInvalid
        self.pending_messages.discard(message)
        self.deleted_messages.add(message_id)

    def take(self, count: int, visibility_timeout: int) -> list[Any]:
        """Return up to `count` visible messages, now in flight; what was received too often goes to the dead letters.

        Called with the queue's lock held.
        """
        taken: list[Any] = []
        now_ms = _now_ms()
        for message in self._log:
            if len(taken) == count:
                break
            if message.visible_at > now_ms or message.delayed_until > now_ms:
                continue
            if self._is_exhausted(message):
                self._log.remove(message)
                self.dead_letter_queue.add_message(message)
                continue
            message.mark_received(visibility_timeout)
            taken.append(message)
        return taken

    def _is_exhausted(self, message: Any) -> bool:
        if self.dead_letter_queue is None or not self.redrive_policy:
            return False
        return bool(message.approximate_receive_count >= self.redrive_policy["maxReceiveCount"])


def _receive(
    backend: Any,
    queue_name: str,
    count: int,
    wait_seconds_timeout: int,
    visibility_timeout: int,
    message_attribute_names: list[str] | None = None,
) -> list[Any]:
    queue = backend.get_queue(queue_name)
    if queue.fifo_queue:
        found: list[Any] = _receive_message(
            backend, queue_name, count, wait_seconds_timeout, visibility_timeout, message_attribute_names
        )
        return found
    deadline_s = time.monotonic() + wait_seconds_timeout
    with queue._messages_lock:
        while not (taken := queue.take(count, visibility_timeout)):
            remaining_s = deadline_s - time.monotonic()
            if remaining_s <= 0:
                return []
            queue._messages_lock.wait(min(remaining_s, _VISIBILITY_CHECK_S))
        received = [copy.copy(message) for message in taken]
    for message in received:
        models._filter_message_attributes(message, message_attribute_names or [])
    return received


MEND = Mend(
    "sqs",
    (
        (models, "Message", NamedMessage),
        (models, "Queue", IndexedQueue),
        (SQSBackend, "receive_message", _receive),
    ),
)
