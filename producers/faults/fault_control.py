"""Has the local stack's Kinesis fail on request: the calls that put records, refused whole or in part."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

from producers.faults.fault_tables import PartialFailure, Throttle
from schemas.errors import ConfigError, WorkFailedError

_OPERATION = "kinesis.PutRecords"
# Source: Kinesis API reference, PutRecords: of a whole call and of a record in it.
_THROTTLED = "ProvisionedThroughputExceededException"
_TIMEOUT_S = 10
_ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_KINESIS", "AWS_ENDPOINT_URL")


class FaultControl:
    """The control of one emulator. What it was asked for and did not come to pass is taken back at the end."""

    def __init__(self, endpoint: str) -> None:
        self._url = endpoint.rstrip("/") + "/_clickstream/faults"
        self._struck_before = self._report()["struck"]

    def strike(self, fault: Throttle) -> None:
        """Have the next calls fail, in place of what is still to come of a fault before.

        Raises:
            WorkFailedError: the emulator does not answer.
        """
        if isinstance(fault, PartialFailure):
            asked = {"ratio": fault.ratio, "record_error": _THROTTLED, "times": fault.calls}
        else:
            asked = {"error": _THROTTLED, "times": fault.calls}
        self._call({_OPERATION: asked})

    def end(self) -> dict[str, int]:
        """Have no further call fail, and return how many did, and how many were still to.

        Raises:
            WorkFailedError: the emulator does not answer.
        """
        report = self._report()
        self._call({_OPERATION: []})
        return {"calls_struck": report["struck"] - self._struck_before, "calls_spared": report["left"]}

    def _report(self) -> dict[str, int]:
        return {"struck": 0, "left": 0, **self._call().get(_OPERATION, {})}

    def _call(self, asked: object = None) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 (the scheme is checked by `control_of`)
            self._url,
            method="GET" if asked is None else "POST",
            data=None if asked is None else json.dumps(asked).encode(),
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
                found = json.load(answer)
        except (OSError, HTTPException, ValueError) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            raise WorkFailedError(f"the stream cannot be told to fail, at {self._url}: {error}") from error
        if not isinstance(found, dict):
            raise WorkFailedError(f"the stream cannot be told to fail: {self._url} is something else")
        return found


def control_of(environment: Mapping[str, str]) -> FaultControl:
    """Return the control of the emulator that the AWS variables name.

    Raises:
        ConfigError: they name none, so that it would be the real Kinesis that is asked to fail.
    """
    endpoint = next((value for name in _ENDPOINT_VARIABLES if (value := environment.get(name))), "")
    told = "throttle and partial_failure need the local stack, whose Kinesis fails on request"
    if not endpoint.startswith(("http://", "https://")):
        raise ConfigError(f"{told}; AWS_ENDPOINT_URL names none: start it with `clickstream up`")
    try:
        return FaultControl(endpoint)
    except WorkFailedError as error:
        raise ConfigError(f"{told}; {endpoint} is none ({error})") from error
