"""The Firehose stand-in as a process: nothing is lost, whatever happens to it or around it."""

from __future__ import annotations

import gzip
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from infra.local.stack import Options, flush, status, up
from infra.local.state import is_alive, read_stack
from schemas.errors import WorkFailedError
from schemas.kpl import Aggregator

WaitUntil = Callable[[Callable[[], bool], float], None]


class LocalStack(Protocol):
    state_dir: Path

    def client(self, service: str) -> Any: ...
    def inject(self, **faults: Any) -> None: ...
    def clear_faults(self) -> None: ...


@pytest.fixture(autouse=True)
def without_faults(stack: LocalStack) -> Iterator[None]:
    yield
    stack.clear_faults()


def put(stack: LocalStack, *data: bytes) -> None:
    """Put events in aggregates of ten."""
    kinesis = stack.client("kinesis")
    for start in range(0, len(data), 10):
        aggregator = Aggregator(max_bytes=50_000)
        for each in data[start : start + 10]:
            assert aggregator.add(each.decode(), each)
        kinesis.put_record(StreamName="clickstream", PartitionKey=aggregator.partition_key, Data=aggregator.drain())


def lines_in_raw(stack: LocalStack) -> list[bytes]:
    s3 = stack.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="clickstream-raw", Prefix="clickstream/year=")
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    bodies = [s3.get_object(Bucket="clickstream-raw", Key=key)["Body"].read() for key in keys]
    return [line for body in bodies for line in gzip.decompress(body).splitlines()]


def deliver(stack: LocalStack) -> None:
    running = read_stack(stack.state_dir)
    assert running is not None
    flush(stack.state_dir, running, timeout_s=30)


def test_a_kill_in_mid_stream_loses_nothing(stack: LocalStack, wait_until: WaitUntil) -> None:
    events = [f"killed-{number}".encode() for number in range(600)]
    for start in range(0, 600, 200):
        running = read_stack(stack.state_dir)
        assert running is not None
        firehose = running.processes["firehose"]
        put(stack, *events[start : start + 100])
        wait_until(lambda: events[start] in lines_in_raw(stack), 20)  # noqa: B023
        put(stack, *events[start + 100 : start + 200])
        os.kill(firehose.pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(firehose), 5)  # noqa: B023
        assert up(stack.state_dir, Options())[0] == "mended"
    deliver(stack)
    assert set(events) <= set(lines_in_raw(stack))


def test_without_a_fault_every_record_is_delivered_exactly_once(stack: LocalStack) -> None:
    events = [f"once-{number}".encode() for number in range(100)]
    put(stack, *events)
    deliver(stack)
    assert sorted(line for line in lines_in_raw(stack) if line.startswith(b"once-")) == sorted(events)
    deliver(stack)
    progress = status(stack.state_dir).firehose
    assert progress is not None
    assert progress.caught_up


def test_records_are_delivered_at_their_age_without_being_asked_for(stack: LocalStack, wait_until: WaitUntil) -> None:
    put(stack, b"aged")
    wait_until(lambda: b"aged" in lines_in_raw(stack), 20)


def test_a_wrong_digest_lands_in_the_error_prefix(stack: LocalStack) -> None:
    aggregator = Aggregator(max_bytes=1000)
    aggregator.add("user", b"damaged")
    frame = aggregator.drain()
    kinesis = stack.client("kinesis")
    kinesis.put_record(StreamName="clickstream", PartitionKey="user", Data=frame[:-1] + bytes([frame[-1] ^ 1]))
    deliver(stack)
    listed = stack.client("s3").list_objects_v2(Bucket="clickstream-raw", Prefix="clickstream-errors/")
    (key,) = [item["Key"] for item in listed["Contents"]]
    assert key.startswith("clickstream-errors/deaggregation-failed/year=")
    assert b"damaged" not in lines_in_raw(stack)


def test_services_that_fail_for_a_moment_cost_nothing(stack: LocalStack) -> None:
    stack.inject(
        **{
            "s3.PutObject": {"error": "InternalError", "times": 2},
            "kinesis.GetRecords": {"error": "ProvisionedThroughputExceededException", "times": 3},
        }
    )
    put(stack, b"patient")
    deliver(stack)
    assert lines_in_raw(stack).count(b"patient") == 1


def test_a_lost_answer_repeats_an_object_under_its_own_key(stack: LocalStack) -> None:
    stack.inject(**{"s3.PutObject": {"error": "InternalError", "applied": True}})
    put(stack, b"answered")
    deliver(stack)
    assert lines_in_raw(stack).count(b"answered") == 1


def test_a_refusal_ends_the_worker_with_the_cause_and_status_shows_it(stack: LocalStack, wait_until: WaitUntil) -> None:
    stack.inject(**{"s3.PutObject": {"error": "AccessDenied", "status": 403, "times": 100}})
    put(stack, b"refused")
    with pytest.raises(WorkFailedError, match="AccessDenied"):
        deliver(stack)
    assert [problem.partition(" ")[0] for problem in status(stack.state_dir).problems] == ["firehose"]
    stack.clear_faults()
    assert up(stack.state_dir, Options())[0] == "mended"
    deliver(stack)
    assert b"refused" in lines_in_raw(stack)
