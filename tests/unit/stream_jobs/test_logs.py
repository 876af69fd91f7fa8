from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from schemas.errors import WorkFailedError
from stream_jobs import logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    logger = logging.getLogger(logs.LOGGER)
    before = logger.handlers, logger.propagate, logger.level
    yield io.StringIO()
    logger.handlers, logger.propagate, logger.level = before


def line_of(stream: io.StringIO) -> dict[str, Any]:
    (line,) = stream.getvalue().splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_record_is_one_line_with_its_extras(stream: io.StringIO) -> None:
    logs.configure(stream)
    logging.getLogger("stream_jobs.some_module").info("batch of %d", 2, extra={"counts": {"events": 7}})
    line = line_of(stream)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "INFO",
        "logger": "stream_jobs.some_module",
        "message": "batch of 2",
        "counts": {"events": 7},
    }


def test_of_an_error_that_is_not_ours_the_text_stays_out(stream: io.StringIO) -> None:
    logger = logs.configure(stream)
    try:
        raise KeyError("user-4711")
    except KeyError:
        logger.exception("failed")
    line = line_of(stream)
    assert "4711" not in stream.getvalue()
    assert line["error_type"] == "KeyError"
    assert line["error_at"][-1].startswith("test_logs.py:")


def test_of_an_error_of_ours_the_text_is_told(stream: io.StringIO) -> None:
    logger = logs.configure(stream)
    try:
        raise WorkFailedError("the topic is gone")
    except WorkFailedError:
        logger.exception("failed")
    assert line_of(stream)["error"] == "the topic is gone"


def test_configuring_again_does_not_log_twice_and_nothing_reaches_the_root(
    stream: io.StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    logs.configure(io.StringIO())
    logs.configure(stream).warning("once")
    assert line_of(stream)["message"] == "once"
    assert not caplog.records
