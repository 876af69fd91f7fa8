"""Marks of what was begun, with an emulated S3."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from schemas.errors import WorkFailedError
from stream_jobs.marks import Marks
from stream_jobs.patience import Patience

BUCKET = "clickstream-curated"


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture
def marks(s3: Any) -> Marks:
    seconds = iter(range(1_000))
    return Marks(s3, BUCKET, lambda: Patience(5, lambda: next(seconds), lambda _: False, lambda: 0.5))


def keys(s3: Any) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]


def test_only_the_first_to_begin_an_alert_finds_no_mark(marks: Marks) -> None:
    assert [marks.begin("a"), marks.begin("b"), marks.begin("a")] == [False, False, True]


def test_a_mark_that_is_taken_back_was_never_there(marks: Marks) -> None:
    marks.begin("a")
    marks.forget("a")
    assert not marks.begin("a")


def test_who_marks_at_the_same_instant_as_another_may_be_the_second(s3: Any, marks: Marks) -> None:
    with Stubber(s3) as stub:
        stub.add_client_error("put_object", "ConditionalRequestConflict", http_status_code=409)
        assert marks.begin("a")


def test_a_mark_that_cannot_be_put_is_told(s3: Any, marks: Marks) -> None:
    with Stubber(s3) as stub:
        stub.add_client_error("put_object", "AccessDenied", http_status_code=403)
        with pytest.raises(WorkFailedError, match="dead-letters/redriven/a"):
            marks.begin("a")


def test_old_marks_go_on_every_page_and_nothing_else_does(
    s3: Any, marks: Marks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
    s3.put_object(Bucket=BUCKET, Key="dead-letters/payload", Body=b"{")
    for number in range(5):
        marks.begin(str(number))
    now_us = int(time.time() * 1_000_000)
    marks.forget_older(now_us - 3_600_000_000)
    assert all(marks.begin(str(number)) for number in range(5))
    marks.forget_older(now_us + 60_000_000)
    assert keys(s3) == ["dead-letters/payload"]
