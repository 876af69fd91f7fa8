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
    IncompleteReadError,
)
from botocore.parsers import ResponseParserFactory
from botocore.session import get_session

from schemas.errors import WorkFailedError
from stream_jobs.patience import Patience, Witness
from stream_jobs.publishing import BatchSend, EntryFailure, Fault, fault_of_code

_CONNECT_TIMEOUT_S = 3
# Long, for a publish that times out may be a repeat when it is made again.
_READ_TIMEOUT_S = 30
_CONNECTIONS = 16


class UnreadableAnswerError(BotoCoreError):
    """An answer that came whole, and is none of the service's."""

    fmt = "The answer cannot be read: {reason}"


class _Parsers(ResponseParserFactory):
    """Makes parsers that tell what they cannot read as an error of botocore's, of which theirs are none."""

    def create_parser(self, protocol_name: str) -> Any:
        """Return a parser for a protocol."""
        parser: Any = super().create_parser(protocol_name)
        parse = parser.parse

        def parsed(*answer: Any) -> Any:
            try:
                return parse(*answer)
            except Exception as error:
                raise UnreadableAnswerError(reason=f"{type(error).__name__}: {error}") from error

        parser.parse = parsed
        return parser


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
    session = get_session()
    session.register_component("response_parser_factory", _Parsers())
    make: Callable[..., Any] = boto3.session.Session(botocore_session=session).client
    return make(service, region_name=region, config=config)


def patience(deadline_s: float, wait: Callable[[float], bool], witness: Witness | None = None) -> Patience:
    """Return patience on the real clock."""
    return Patience(deadline_s, time.monotonic, wait, random.random, witness)


def having(member: str, answer: Any) -> Any:
    """Return an answer with a member that every answer of the service has.

    Raises:
        UnreadableAnswerError: it has not: what answers with success may be a proxy, or have broken off.
    """
    if member not in answer:
        raise UnreadableAnswerError(reason=f"it has no {member}")
    return answer


def code_of(error: BotoCoreError | ClientError) -> str:
    """Return the service's error code, or the name of what broke on the way to it."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__


def fault_of(error: BotoCoreError | ClientError) -> Fault:
    """Judge what a failed call means."""
    if isinstance(error, ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
        return fault_of_code(code_of(error), status, str(error.response.get("Error", {}).get("Message", "")))
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError):
        return Fault.NOT_TAKEN
    if isinstance(error, HTTPClientError | ConnectionError | IncompleteReadError | UnreadableAnswerError):
        return Fault.UNSURE
    return Fault.FATAL


def call_until_answered(what: str, call: Callable[[], Any], patience: Patience, member: str | None = None) -> Any:
    """Return the answer of a call that may be made twice without harm.

    Args:
        what: names the call in errors.
        call: makes it.
        patience: what failures are borne with.
        member: what every answer has.

    Raises:
        WorkFailedError: no further call can succeed, or patience ran out.
        StoppedError: the job is closing.
    """
    while True:
        try:
            answer = call() if member is None else having(member, call())
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
        call: makes one call with the entries of these ids and returns its answer, shaped like PublishBatch's; what
            is not sent but deleted, say, has no `MessageId` in it.
        send: the batch.
        patience: what failures are borne with.

    Raises:
        WorkFailedError: no further call can succeed, or patience ran out.
        StoppedError: the job is closing.
    """
    while ids := send.next_ids():
        patience.sends_again(send.sent_before(ids))
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
        # An entry without an id is named by nothing, and so may have been taken.
        failures = [_entry_failure(failed) for failed in answer.get("Failed", ()) if "Id" in failed]
        message_ids = {done["Id"]: done.get("MessageId", "") for done in answer.get("Successful", ()) if "Id" in done}
        if send.on_answer(message_ids, failures):
            patience.succeeded()
        else:
            codes = ", ".join(sorted({failure.code for failure in failures})) or "no entry named"
            patience.failed(f"{what}: no entry was taken ({codes})")


def _entry_failure(failed: Mapping[str, Any]) -> EntryFailure:
    is_senders = bool(failed.get("SenderFault", False))
    return EntryFailure(failed["Id"], failed.get("Code", "Unknown"), failed.get("Message", ""), is_senders)
