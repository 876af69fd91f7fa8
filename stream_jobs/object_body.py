"""An object's bytes as they come from S3, block by block; a connection that breaks is taken up where it broke.

Reads exactly the content that the notice is about. Never holds more than a block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError

from schemas.errors import WorkFailedError
from stream_jobs.aws_calls import code_of, fault_of
from stream_jobs.notices import Notice
from stream_jobs.patience import Patience
from stream_jobs.publishing import Fault

_BLOCK_BYTES = 256 * 1024
_GONE = {"NoSuchKey", "NoSuchVersion", "PreconditionFailed"}
# A body that breaks off: the connection, not the object, is at fault.
_BREAKS = (HTTPClientError, IncompleteReadError)


class ObjectGoneError(Exception):
    """The content is no longer there: deleted, or overwritten, of which another notice tells."""


def blocks_of(s3: Any, notice: Notice, patience: Callable[[], Patience]) -> Iterator[bytes]:
    """Yield the bytes of an object.

    Raises:
        ObjectGoneError: it is not there any more.
        WorkFailedError: it cannot be read.
        StoppedError: the same, for want of time.
    """
    position = 0
    bearing = patience()
    while True:
        body, end = _open(s3, notice, position, bearing)
        try:
            with closing(body):
                while block := body.read(_BLOCK_BYTES):
                    position += len(block)
                    bearing.succeeded()
                    yield block
        except _BREAKS as error:
            bearing.failed(f"read {notice.address}: {error}", error)
        except BotoCoreError as error:  # what came is not what was put, by its checksum
            raise WorkFailedError(f"read {notice.address}: {error}") from error
        if position >= end:
            return


def _open(s3: Any, notice: Notice, position: int, bearing: Patience) -> tuple[Any, int]:
    """Return the body from a position on, and where the object ends."""
    request = {"Bucket": notice.bucket, "Key": notice.key}
    if notice.etag:
        request["IfMatch"] = f'"{notice.etag}"'
    if notice.version_id:
        request["VersionId"] = notice.version_id
    if position:
        request["Range"] = f"bytes={position}-"
    while True:
        try:
            answer = s3.get_object(**request)
        except (BotoCoreError, ClientError) as error:
            if code_of(error) in _GONE:
                raise ObjectGoneError(f"{notice.address} is gone") from error
            if fault_of(error) in (Fault.FATAL, Fault.ENTRY):
                raise WorkFailedError(f"read {notice.address}: {error}") from error
            bearing.failed(f"read {notice.address}: {error}", error)
            continue
        return answer["Body"], position + answer["ContentLength"]
