"""A raw object's bytes as they come from S3, chunk by chunk; a read that breaks off goes on where it stopped.

Reads one content of the object, the one that was found: what took its place meanwhile is not mixed in. Never holds more
than a chunk.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError, IncompleteReadError
from urllib3.exceptions import SSLError

from batch_compaction.raw import RawObject
from schemas.aws_errors import is_transient
from schemas.errors import ClickstreamError, WorkFailedError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef

_CHUNK_BYTES = 256 * 1024
# How many failures in a row, without a byte between them, end the reading; and the pauses after each but the last.
_MAX_FAILURES = 6
_FIRST_PAUSE_S = 0.2
# urllib3's own is the one error of a broken connection that botocore does not translate.
_BROKEN = (HTTPClientError, ConnectionError, IncompleteReadError, SSLError)


class Unread(StrEnum):
    """Why an object was not read. The values stand in reports."""

    GONE = "gone"
    CHANGED = "changed"
    ARCHIVED = "archived"
    NOT_UNDERSTOOD = "not_understood"


_UNREAD_CODES = {
    "NoSuchKey": Unread.GONE,
    "PreconditionFailed": Unread.CHANGED,
    "InvalidObjectState": Unread.ARCHIVED,  # Source: S3 API reference, GetObject: it has to be restored first
}


class UnreadObjectError(ClickstreamError):
    """This object cannot be read as it was found; others can. What was read of it before is void.

    Attributes:
        raw: which.
        reason: why. What is gone or changed is for the next run to find anew; what is not understood stays so.
    """

    def __init__(self, raw: RawObject, reason: Unread, detail: str) -> None:
        super().__init__(f"s3://{raw.bucket}/{raw.key}: {detail}")
        self.raw = raw
        self.reason = reason
        self.detail = detail


class _BrokenError(Exception):
    """The answer is no part of the object that was asked for."""


def chunks_of(s3: S3Client, raw: RawObject, pause: Callable[[float], object] = time.sleep) -> Iterator[bytes]:
    """Yield the bytes of an object.

    Args:
        s3: a client; how long it waits for an answer is its own matter.
        raw: the object as it was found.
        pause: waits for some seconds.

    Raises:
        UnreadObjectError: it is not there any more, or no longer what was found, or archived.
        WorkFailedError: S3 refused, or failed several times in a row.
    """
    position = failures = 0
    while position < raw.size_bytes:
        try:
            with closing(_open(s3, raw, position)) as body:
                while chunk := body.read(_CHUNK_BYTES):
                    position += len(chunk)
                    failures = 0
                    yield chunk
            if position < raw.size_bytes:
                raise _BrokenError("the answer ends before its end")
        except (BotoCoreError, ClientError, SSLError, _BrokenError) as error:
            failures += 1
            if failures == _MAX_FAILURES or not _may_pass(error):
                raise WorkFailedError(f"read s3://{raw.bucket}/{raw.key} from byte {position}: {error}") from error
            pause(_FIRST_PAUSE_S * 2 ** (failures - 1))


def _open(s3: S3Client, raw: RawObject, position: int) -> Any:
    """Return the body from a position on, unread."""
    request: GetObjectRequestTypeDef = {"Bucket": raw.bucket, "Key": raw.key, "IfMatch": f'"{raw.etag}"'}
    if position:
        request["Range"] = f"bytes={position}-"
    try:
        answer = s3.get_object(**request)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in _UNREAD_CODES:
            reason = _UNREAD_CODES[code]
            raise UnreadObjectError(raw, reason, f"it is {reason}, {position} bytes of it were read") from error
        raise
    if position and not answer.get("ContentRange", "").startswith(f"bytes {position}-"):
        answer["Body"].close()
        raise _BrokenError("the answer begins elsewhere than was asked for")
    return answer["Body"]


def _may_pass(error: Exception) -> bool:
    if isinstance(error, ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
        return is_transient(str(error.response.get("Error", {}).get("Code", "")), status)
    return isinstance(error, (*_BROKEN, _BrokenError))
