"""Calls to AWS as the job makes them: one try each, every failure judged, batches sent until each entry is settled.

boto3's own retries are off: they would hide that a call may have been accepted, and count against no deadline of ours.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
)

from schemas.errors import WorkFailedError
from stream_jobs.patience import Patience
from stream_jobs.publishing import BatchSend, EntryFailure, Fault, fault_of_code

_CONNECT_TIMEOUT_S = 3
# Long, for a publish that times out may be a repeat when it is made again.
_READ_TIMEOUT_S = 30
_CONNECTIONS = 16


def client(service: str, connections: int = _CONNECTIONS, region: str | None = None) -> Any:
    """Return a client for one operator's use, with endpoint and credentials from `AWS_*` variables.

    Args:
        service: as boto3 names it.
        connections: how many calls are under way at a time.
        region: where no variable has it.
    """
    config = Config(
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=_READ_TIMEOUT_S,
        max_pool_connections=connections,
        retries={"total_max_attempts": 1},
    )
    # The default session is not safe to create clients from several threads.
    make: Callable[..., Any] = boto3.session.Session().client
    return make(service, region_name=region, config=config)


def patience(deadline_s: float, wait: Callable[[float], bool]) -> Patience:
    """Return patience on the real clock."""
    return Patience(deadline_s, time.monotonic, wait, random.random)


def code_of(error: BotoCoreError | ClientError) -> str:
    """Return the service's error code, or the name of what broke on the way to it."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__


def fault_of(error: BotoCoreError | ClientError) -> Fault:
    """Judge what a failed call means."""
    if isinstance(error, ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
        return fault_of_code(code_of(error), status)
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError):
        return Fault.NOT_TAKEN
    if isinstance(error, HTTPClientError | ConnectionError):
        return Fault.UNSURE
    return Fault.FATAL


def call_until_answered(what: str, call: Callable[[], Any], patience: Patience) -> Any:
    """Return the answer of a call that may be made twice without harm.

    Raises:
        WorkFailedError: no further call can succeed, or patience ran out.
        StoppedError: the job is closing.
    """
    while True:
        try:
            answer = call()
        except (BotoCoreError, ClientError) as error:
            if fault_of(error) in (Fault.FATAL, Fault.ENTRY):
                raise WorkFailedError(f"{what}: {error}") from error
            patience.failed(f"{what}: {error}", error)
            continue
        patience.succeeded()
        return answer


def send_batch(
    what: str, call: Callable[[Sequence[str]], Mapping[str, Any]], send: BatchSend, patience: Patience
) -> None:
    """Call until every entry of a batch is delivered or rejected; only what failed is sent again.

    Args:
        what: names the batch's destination in errors.
        call: makes one call with the entries of these ids and returns its answer, shaped like PublishBatch's.
        send: the batch.
        patience: what failures are borne with.

    Raises:
        WorkFailedError: no further call can succeed, or patience ran out.
        StoppedError: the job is closing.
    """
    while ids := send.next_ids():
        try:
            answer = call(ids)
        except (BotoCoreError, ClientError) as error:
            fault = fault_of(error)
            if fault is Fault.FATAL:
                raise WorkFailedError(f"{what}: {error}") from error
            send.on_fault(fault, code_of(error), str(error))
            if fault is not Fault.ENTRY:
                patience.failed(f"{what}: {error}", error)
            continue
        failures = [_entry_failure(failed) for failed in answer.get("Failed", ())]
        message_ids = {done["Id"]: done["MessageId"] for done in answer.get("Successful", ())}
        if send.on_answer(message_ids, failures):
            patience.succeeded()
        else:
            codes = ", ".join(sorted({failure.code for failure in failures})) or "no entry named"
            patience.failed(f"{what}: no entry was taken ({codes})")


def _entry_failure(failed: Mapping[str, Any]) -> EntryFailure:
    return EntryFailure(failed["Id"], failed["Code"], failed.get("Message", ""), bool(failed["SenderFault"]))
