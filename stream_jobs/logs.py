"""Logs as machines read them: one JSON object a line, with ids and counts beside the message, never payloads.

Of an error that is not ours only its kind and its place are told: its text may hold what was being worked on.
"""

from __future__ import annotations

import json
import logging
import traceback
from typing import TextIO

from schemas.errors import ClickstreamError
from schemas.instants import SECOND_US, format_instant_us

LOGGER = "stream_jobs"
_OWN_FIELDS = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One JSON object for a record: time, level, logger, message, and what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its newline."""
        line: dict[str, object] = {
            "time": format_instant_us(int(record.created * SECOND_US)),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _OWN_FIELDS}
        if record.exc_info and record.exc_info[1] is not None:
            line |= _told(record.exc_info[1])
        return json.dumps(line, default=str)


def configure(stream: TextIO, level: int = logging.INFO) -> logging.Logger:
    """Have the logs of this package, and nothing else, go to a stream as JSON lines; return their logger.

    Lambda and Flink have handlers of their own at the root: what is logged here does not reach them a second time.
    """
    logger = logging.getLogger(LOGGER)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(level)
    return logger


def _told(error: BaseException) -> dict[str, object]:
    told: dict[str, object] = {"error_type": type(error).__name__}
    if isinstance(error, ClickstreamError):
        told["error"] = str(error)
    frames = traceback.extract_tb(error.__traceback__)
    told["error_at"] = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    return told
