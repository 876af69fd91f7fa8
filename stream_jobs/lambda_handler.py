"""The Lambda function for files that others put in S3: a batch of an SQS queue in, the messages to try again out.

The queue holds what S3 or EventBridge say about objects. A message that fails does not fail the others of its batch;
one that keeps failing ends in the queue's own dead-letter queue. Settings, clients and threads outlive an invocation.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import msgspec

from schemas.errors import BadRecordError, ClickstreamError
from schemas.notices import Notice, notices_of
from schemas.settings import Settings, load_settings, max_age_us_of
from stream_jobs import aws_calls, logs
from stream_jobs.clock import now_us
from stream_jobs.dead_letters import DeadLetterQueue
from stream_jobs.deadline import Deadline, OutOfTimeError
from stream_jobs.decoding import Decoder
from stream_jobs.dropped_files import BusyError, Doors, DroppedFiles
from stream_jobs.idempotency import OnceTable
from stream_jobs.notices import skip_of
from stream_jobs.object_body import ObjectGoneError, blocks_of
from stream_jobs.patience import Patience, StoppedError
from stream_jobs.receipts import ReceiptFiles
from stream_jobs.rules import rules_of
from stream_jobs.topic import AlertTopics

# Calls under way at a time; DynamoDB takes a conditional put alone, so this is what the pace hangs on.
_THREADS = 8
# What another try may well mend, told without where it came up.
_EXPECTED = (ClickstreamError, OutOfTimeError, BusyError, StoppedError)

log = logging.getLogger(__name__)


class Context(Protocol):
    """What Lambda says about an invocation, as far as it is used."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return how long until Lambda breaks it off."""
        ...


class _Message(msgspec.Struct, rename="camel"):
    message_id: str
    body: str


class _Batch(msgspec.Struct, rename="pascal"):
    records: list[_Message]


def handler(event: Mapping[str, Any], context: Context) -> dict[str, list[dict[str, str]]]:
    """Alert the files that a batch of messages names.

    Returns:
        The messages to try again, in the form that an event source mapping with `ReportBatchItemFailures` reads.

    Raises:
        ConfigError: the settings are wrong; no message was worked on.
        BadRecordError: the event is no batch of SQS messages.
    """
    function = _function()
    try:
        batch = msgspec.convert(event, _Batch)
    except msgspec.ValidationError as error:
        raise BadRecordError(f"no batch of SQS messages: {error}") from error
    deadline = Deadline(lambda: context.get_remaining_time_in_millis() / 1000, time.sleep)
    failed = function.work_on(batch.records, context.aws_request_id, deadline)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


@cache
def _function() -> _Function:
    logs.configure(sys.stdout)
    return _Function(load_settings(os.environ, Path.cwd()))


class _Function:
    """What outlives an invocation.

    Args:
        settings: where to read and write, and what is alerted.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rules = rules_of(settings)
        self._decoder = Decoder(self._rules, max_age_us_of(settings.max_alert_age))
        self._threads = ThreadPoolExecutor(_THREADS, "deliver")
        self._s3, self._sns, self._sqs, self._dynamodb = map(aws_calls.client, ("s3", "sns", "sqs", "dynamodb"))

    def work_on(self, messages: list[_Message], request_id: str, deadline: Deadline) -> list[str]:
        """Work on each message, those with the least to read first, and return the ids of those to try again."""
        failed: set[str] = set()
        waiting: list[tuple[str, list[Notice]]] = []
        for message in messages:
            with _apart(message.message_id, failed):
                waiting.append((message.message_id, notices_of(message.body)))
        waiting.sort(key=lambda work: sum(notice.size_bytes or 0 for notice in work[1]))
        for position, (message_id, notices) in enumerate(waiting):
            with _apart(message_id, failed):
                deadline.require_time()
                patience = _patience(deadline, len(waiting) - position)
                files = self._files(patience)
                for notice in notices:
                    self._work_on_file(files, notice, f"{request_id}/{message_id}", deadline, patience)
        return [message.message_id for message in messages if message.message_id in failed]

    def _work_on_file(
        self, files: DroppedFiles, notice: Notice, owner: str, deadline: Deadline, patience: Callable[[], Patience]
    ) -> None:
        told: dict[str, object] = {"object": notice.address}
        if skip := skip_of(notice, self._settings.raw_bucket):
            log.info("object passed over", extra=told | {"reason": skip.value})
            return
        counts: Counter[str] = Counter()
        outcome = "left for another try"
        try:
            files.alert(notice, blocks_of(self._s3, notice, patience), owner, deadline, counts)
            outcome = "done"
        except ObjectGoneError:
            outcome = "gone"
        finally:
            level = logging.WARNING if outcome == "gone" else logging.INFO
            log.log(level, f"object {outcome}", extra=told | {"counts": +counts})

    def _files(self, patience: Callable[[], Patience]) -> DroppedFiles:
        settings = self._settings
        return DroppedFiles(
            self._decoder,
            OnceTable(self._dynamodb, settings.dropped_files_table, self._threads, patience, now_us),
            Doors(
                AlertTopics(self._sns, self._rules.topic_arns(), patience, now_us),
                ReceiptFiles(self._s3, settings.curated_bucket, patience),
                DeadLetterQueue(self._sqs, self._s3, settings.dead_letter_queue_url, settings.curated_bucket, patience),
            ),
            self._threads,
            _THREADS,
            now_us,
        )


def _patience(deadline: Deadline, sharers: int) -> Callable[[], Patience]:
    """Return what makes the patience for a message's calls: its share of the time, so that some is left for others."""
    return lambda: aws_calls.patience(deadline.patience_s() / sharers, deadline.wait)


@contextmanager
def _apart(message_id: str, failed: set[str]) -> Iterator[None]:
    """Keep what fails one message from the others, and note its id."""
    try:
        yield
    except _EXPECTED as error:
        failed.add(message_id)
        told = {"message_id": message_id, "reason": type(error).__name__, "detail": str(error)}
        log.warning("message to be tried again", extra=told)
    except Exception:  # a fault of ours must not keep the other messages of the batch from being done
        failed.add(message_id)
        log.exception("message failed", extra={"message_id": message_id})
