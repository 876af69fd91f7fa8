"""Patience of a background process with the services it calls: what may succeed later is tried again, in bounds."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event
from typing import ParamSpec, TypeVar

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from schemas.aws_errors import is_transient
from schemas.errors import WorkFailedError

FIRST_BACKOFF_S = 0.2
MAX_BACKOFF_S = 5.0
_Request = ParamSpec("_Request")
_Result = TypeVar("_Result")

log = logging.getLogger(__name__)


class Retries:
    """The patience of one process.

    Args:
        work: what it does, for the error.
        stop: ends the patience when it is set.
        give_up_after_s: how long one call may go on failing.
    """

    def __init__(self, work: str, stop: Event, give_up_after_s: float) -> None:
        self._work, self._stop, self._give_up_after_s = work, stop, give_up_after_s

    def call(self, call: Callable[_Request, _Result], *args: _Request.args, **request: _Request.kwargs) -> _Result:
        """Return what a call returns at last.

        Raises:
            WorkFailedError: it was refused, or failed for too long.
        """
        deadline_s, backoff_s = time.monotonic() + self._give_up_after_s, FIRST_BACKOFF_S
        while True:
            try:
                return call(*args, **request)
            except (ClientError, ConnectionError, HTTPClientError) as error:
                is_too_late = self._stop.is_set() or time.monotonic() + backoff_s > deadline_s
                if is_too_late or not _is_transient(error):
                    raise WorkFailedError(f"gave up on {self._work}: {error}") from error
                log.warning("retrying in %.1f s: %s", backoff_s, error)
            self._stop.wait(backoff_s)
            backoff_s = min(backoff_s * 2, MAX_BACKOFF_S)


def _is_transient(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return True
    answer = error.response
    return is_transient(answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"])
