"""The function's worker on an emulated queue: what is deleted, what is left, and what ends it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.local import function_worker
from infra.local.function_state import FunctionProgress, read_function_progress
from infra.local.function_worker import Function, FunctionWorker, Handler, Invocation, named
from infra.local.mends import sqs
from infra.local.retries import Retries
from schemas.errors import ConfigError, WorkFailedError

WaitUntil = Callable[[Callable[[], bool], float], None]


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, str]]:
    monkeypatch.setattr(function_worker, "LONG_POLL_S", 0)
    with sqs.MEND.installed(), mock_aws():
        client: Any = boto3.client("sqs")
        yield client, client.create_queue(QueueName="drops", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]


@contextmanager
def running(queue: tuple[Any, str], handler: Handler, folder: Path, timeout_s: float = 60) -> Iterator[None]:
    stop = Event()
    function = Function(handler, "drops", timeout_s)
    worker = FunctionWorker(*queue, function, folder, Retries("queue drops", stop, 0.1), stop)
    thread = Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def send(queue: tuple[Any, str], *bodies: str) -> None:
    client, url = queue
    entries = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies)]
    client.send_message_batch(QueueUrl=url, Entries=entries)


def is_empty(queue: tuple[Any, str]) -> bool:
    client, url = queue
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return bool(found["ApproximateNumberOfMessages"] == found["ApproximateNumberOfMessagesNotVisible"] == "0")


class Recorder:
    """A handler that answers by script, then with success; keeps the bodies that it was given."""

    def __init__(self, *script: Any) -> None:
        self._script = list(script)
        self.batches: list[list[str]] = []
        self.receipts: list[str] = []

    def __call__(self, event: Mapping[str, Any], invocation: Invocation) -> object:
        self.batches.append([record["body"] for record in event["Records"]])
        self.receipts += [record["attributes"]["ApproximateReceiveCount"] for record in event["Records"]]
        assert invocation.get_remaining_time_in_millis() > 0
        step = self._script.pop(0) if self._script else None
        return step(event) if callable(step) else step


def raise_it(_: Any) -> None:
    raise ZeroDivisionError


def test_what_did_not_fail_is_deleted_and_what_did_comes_again(
    queue: tuple[Any, str], tmp_path: Path, wait_until: WaitUntil
) -> None:
    def second(event: Any) -> object:
        return {"batchItemFailures": [{"itemIdentifier": event["Records"][1]["messageId"]}]}

    handler = Recorder(second)
    send(queue, "a", "b", "c")
    with running(queue, handler, tmp_path):
        wait_until(lambda: is_empty(queue) and len(handler.batches) == 2, 10)
    assert handler.batches == [["a", "b", "c"], ["b"]]
    assert handler.receipts == ["1", "1", "1", "2"]
    assert read_function_progress(tmp_path) == FunctionProgress(batches=2, messages=4, left=1, errors=0)


@pytest.mark.parametrize("step", [raise_it, "nonsense", {"batchItemFailures": [{"itemIdentifier": "unknown"}]}])
def test_an_invocation_that_fails_leaves_its_messages_and_the_worker_lives(
    queue: tuple[Any, str], tmp_path: Path, wait_until: WaitUntil, step: object
) -> None:
    handler = Recorder(step)
    send(queue, "a", "b")
    with running(queue, handler, tmp_path):
        wait_until(lambda: is_empty(queue), 10)
    assert handler.batches == [["a", "b"], ["a", "b"]]
    assert read_function_progress(tmp_path) == FunctionProgress(batches=2, messages=4, left=2, errors=1)


def test_an_invocation_that_takes_too_long_is_a_failure_whatever_it_answers(
    queue: tuple[Any, str], tmp_path: Path, wait_until: WaitUntil
) -> None:
    calls = []

    def slow(event: Mapping[str, Any], invocation: Invocation) -> None:
        calls.append(event)
        if len(calls) == 1:
            wait_until(lambda: invocation.get_remaining_time_in_millis() == 0, 5)

    send(queue, "a")
    with running(queue, slow, tmp_path, timeout_s=0.2):
        wait_until(lambda: is_empty(queue), 10)
    assert len(calls) == 2


def test_a_queue_that_is_gone_ends_the_worker_with_the_cause(queue: tuple[Any, str], tmp_path: Path) -> None:
    client, url = queue
    client.delete_queue(QueueUrl=url)
    stop = Event()
    worker = FunctionWorker(
        client, url, Function(Recorder(), "drops", 1), tmp_path, Retries("queue drops", stop, 0.1), stop
    )
    with pytest.raises(WorkFailedError, match="gave up on queue drops"):
        worker.run()


def test_a_handler_is_found_by_the_name_that_lambda_gives_it() -> None:
    handler: object = named("json.loads")
    assert handler is json.loads
    for name in ("json", "json.nothing", "no_such_module.handler", "json.__name__"):
        with pytest.raises(ConfigError):
            named(name)
