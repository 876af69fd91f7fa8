"""The door to the dead-letter queue: SendMessageBatch, judged entry by entry.

A payload that no queue message holds is put in the lake first, under its digest, and the letter says where. The queue
has no reason to reject a letter for what it holds, so a rejection is an error of ours and stops the job: there is no
queue behind this one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from schemas.dead_letter import MAX_INLINE_PAYLOAD_BYTES, DeadLetter, decode_dead_letter
from schemas.errors import WorkFailedError
from schemas.lake import DEAD_LETTERS_PREFIX
from stream_jobs.aws_calls import call_until_answered, send_batch
from stream_jobs.outbox import MAX_BATCH_BYTES, MAX_BATCH_ENTRIES, Address, Delivery, Entry, Limits
from stream_jobs.patience import Patience
from stream_jobs.publishing import BatchSend, Rejected

# What an envelope takes without its payload, generously: reasons and details are short texts of ours, ids are not.
_ENVELOPE_BYTES = 2_048
_MAX_TEXT = 512


def message_text(letter: DeadLetter) -> str:
    """Return the queue message of a letter in ASCII, which no queue refuses; long ids and details are cut."""
    short = msgspec.structs.replace(
        letter,
        detail=letter.detail[:_MAX_TEXT],
        event_id=letter.event_id and letter.event_id[:_MAX_TEXT],
    )
    return json.dumps(msgspec.to_builtins(short), separators=(",", ":"))


def checked_in(letter: DeadLetter, bucket: str) -> tuple[DeadLetter, str | None]:
    """Return the letter as it fits the queue, and the object key for its payload where that does not fit."""
    payload = letter.payload()
    if payload is None or len(payload) <= MAX_INLINE_PAYLOAD_BYTES:
        return letter, None
    key = DEAD_LETTERS_PREFIX + hashlib.sha256(payload).hexdigest()
    located = msgspec.structs.replace(letter, payload_base64=None, payload_location=f"s3://{bucket}/{key}")
    return located, key


class DeadLetterQueue:
    """The dead-letter queue.

    Args:
        sqs: an SQS client.
        s3: an S3 client.
        queue_url: the queue.
        bucket: the curated bucket, for payloads too large for the queue.
        patience: makes the patience for one batch.
    """

    limits = Limits(MAX_BATCH_ENTRIES, MAX_BATCH_BYTES, linger_ms=100, max_waiting=200)

    def __init__(self, sqs: Any, s3: Any, queue_url: str, bucket: str, patience: Callable[[], Patience]) -> None:
        self._sqs = sqs
        self._s3 = s3
        self._queue_url = queue_url
        self._bucket = bucket
        self._patience = patience

    def address(self, body: bytes) -> Address:
        """Return the queue, with an upper bound of the message's size."""
        inline_bytes = len(body) if len(body) < MAX_INLINE_PAYLOAD_BYTES * 4 // 3 + _ENVELOPE_BYTES else 0
        return Address(size_bytes=inline_bytes + 2 * _ENVELOPE_BYTES)

    def deliver(self, batch: Sequence[Entry]) -> Delivery:
        """Send a batch of letters, see `Door`."""
        texts = {entry.key: message_text(self._checked_in(entry.body)) for entry in batch}
        send = BatchSend(list(texts))

        def call(ids: Sequence[str]) -> Any:
            entries = [{"Id": key, "MessageBody": texts[key]} for key in ids]
            return self._sqs.send_message_batch(QueueUrl=self._queue_url, Entries=entries)

        send_batch(f"send to {self._queue_url}", call, send, self._patience())
        for outcome in send.outcomes.values():
            if isinstance(outcome, Rejected):
                raise WorkFailedError(f"the dead-letter queue rejects a letter: {outcome.code}: {outcome.detail}")
        return Delivery(counts={"dead_letters_sent": len(batch)})

    def _checked_in(self, body: bytes) -> DeadLetter:
        letter, key = checked_in(decode_dead_letter(body), self._bucket)
        if key is not None:
            payload = decode_dead_letter(body).payload()
            call_until_answered(
                f"put s3://{self._bucket}/{key}",
                lambda: self._s3.put_object(Bucket=self._bucket, Key=key, Body=payload),
                self._patience(),
                "ETag",
            )
        return letter
