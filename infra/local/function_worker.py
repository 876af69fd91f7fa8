"""The function's process: the stand-in for Lambda and its event source mapping on an SQS queue.

Receives a batch, calls the handler, deletes the messages that did not fail. What failed, whether the handler says so,
raises or takes too long, is left: the queue shows it again after its visibility timeout, and sets it aside when that
has happened too often. SIGTERM ends the process after the batch under way, at once where none is.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from infra.deployment import FUNCTION_BATCH_SIZE, FUNCTION_MEMORY_MIB
from infra.local.description import FUNCTION_TIMEOUT_S, connect
from infra.local.event_source import event_of, failed_ids
from infra.local.function_state import FunctionProgress, write_function_progress
from infra.local.retries import Retries
from schemas.errors import ClickstreamError, ConfigError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import DeleteMessageBatchRequestEntryTypeDef, MessageTypeDef

# A stop waits for it: the emulator goes on with a poll whose caller has left, and would hide what comes in.
LONG_POLL_S = 1

log = logging.getLogger("function")


class Invocation:
    """What a handler is told about its invocation, as far as the local stack knows it.

    Args:
        function_name: as it would be named on AWS.
        timeout_s: how long it may take.
    """

    def __init__(self, function_name: str, timeout_s: float) -> None:
        self.aws_request_id = str(uuid4())
        self.function_name = function_name
        self.memory_limit_in_mb = FUNCTION_MEMORY_MIB
        self._ends_s = time.monotonic() + timeout_s

    def get_remaining_time_in_millis(self) -> int:
        """Return how long until its time is over."""
        return max(0, int((self._ends_s - time.monotonic()) * 1000))


Handler = Callable[[Mapping[str, Any], Invocation], object]


@dataclass(frozen=True, slots=True)
class Function:
    """A function, its name, and how long an invocation of it may take."""

    handler: Handler
    name: str
    timeout_s: float


class FunctionWorker:
    """Brings one queue's messages to one function.

    Args:
        sqs: a client.
        queue_url: the queue.
        function: what is called.
        folder: for the progress.
        retries: patience with the queue.
        stop: ends `run` after the poll and the batch under way.
    """

    def __init__(
        self,
        sqs: SQSClient,
        queue_url: str,
        function: Function,
        folder: Path,
        retries: Retries,
        stop: Event,
    ) -> None:
        self._sqs, self._queue_url = sqs, queue_url
        self._function = function
        self._folder, self._retries, self._stop = folder, retries, stop
        self._progress = FunctionProgress()

    def run(self) -> None:
        """Work until stopped.

        Raises:
            WorkFailedError: the queue refused, or failed for too long.
        """
        ask = self._sqs.get_queue_attributes
        answer = self._retries.call(ask, QueueUrl=self._queue_url, AttributeNames=["QueueArn"])
        self._queue_arn = answer["Attributes"]["QueueArn"]
        self._report(FunctionProgress())
        while not self._stop.is_set():
            if messages := self._retries.call(self._receive):
                self._work_on(messages)

    def _receive(self) -> list[MessageTypeDef]:
        answer = self._sqs.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=FUNCTION_BATCH_SIZE,
            WaitTimeSeconds=LONG_POLL_S,
            AttributeNames=["All"],
        )
        return answer.get("Messages", [])

    def _work_on(self, messages: Sequence[MessageTypeDef]) -> None:
        ids = {message["MessageId"] for message in messages}
        failed = self._invoke(messages, ids)
        done = [message for message in messages if failed is not None and message["MessageId"] not in failed]
        if done:
            self._delete(done)
        before = self._progress
        self._report(
            FunctionProgress(
                batches=before.batches + 1,
                messages=before.messages + len(messages),
                left=before.left + len(messages) - len(done),
                errors=before.errors + (failed is None),
            )
        )

    def _invoke(self, messages: Sequence[MessageTypeDef], ids: set[str]) -> set[str] | None:
        """Return the messages to try again, or None where the invocation as a whole failed."""
        function = self._function
        event, invocation = event_of(messages, self._queue_arn), Invocation(function.name, function.timeout_s)
        try:
            failed = failed_ids(function.handler(event, invocation), ids)
        except Exception:  # whatever a handler raises is the end of this invocation only, as in Lambda
            log.exception("invocation failed messages=%d", len(ids))
            return None
        if not invocation.get_remaining_time_in_millis():
            log.error("invocation took more than %g s messages=%d", function.timeout_s, len(ids))
            return None
        log.info("invocation messages=%d left=%d", len(ids), len(failed))
        return failed

    def _delete(self, messages: Sequence[MessageTypeDef]) -> None:
        """Delete messages; one that cannot be deleted comes again, and is found done."""
        entries: list[DeleteMessageBatchRequestEntryTypeDef] = [
            {"Id": str(position), "ReceiptHandle": message["ReceiptHandle"]}
            for position, message in enumerate(messages)
        ]
        answer = self._retries.call(self._sqs.delete_message_batch, QueueUrl=self._queue_url, Entries=entries)
        if failed := answer.get("Failed"):
            log.warning("not deleted messages=%d: %s", len(failed), failed[0]["Code"])

    def _report(self, progress: FunctionProgress) -> None:
        self._progress = progress
        write_function_progress(self._folder, progress)


def named(name: str) -> Handler:
    """Return the function of a name like `package.module.function`.

    Raises:
        ConfigError: there is none.
    """
    module, _, function = name.rpartition(".")
    try:
        handler = getattr(import_module(module), function)
    except (ImportError, ValueError, AttributeError) as error:
        raise ConfigError(f"there is no handler {name}: {error}") from error
    if not callable(handler):
        raise ConfigError(f"{name} is no function")
    return cast("Handler", handler)


def main(arguments: list[str]) -> int:
    """Work until SIGTERM; return 1 after a failure that the log names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="for the progress")
    parser.add_argument("--queue", required=True, help="name of the queue")
    parser.add_argument("--handler", required=True, help="as Lambda names it: package.module.function")
    parser.add_argument("--timeout-s", type=float, default=FUNCTION_TIMEOUT_S, help="how long an invocation may take")
    parser.add_argument("--give-up-after-s", type=float, default=60.0, help="how long a call may go on failing")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    log.setLevel(logging.INFO)
    stop = Event()
    try:
        sqs = connect(os.environ).sqs
        retries = Retries(f"queue {options.queue}", stop, options.give_up_after_s)
        queue_url = retries.call(sqs.get_queue_url, QueueName=options.queue)["QueueUrl"]
        function = Function(named(options.handler), options.handler, options.timeout_s)
        worker = FunctionWorker(sqs, queue_url, function, options.folder, retries, stop)
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        worker.run()
    except ClickstreamError as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
