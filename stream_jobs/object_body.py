"""An object's bytes as they come from S3, block by block; a connection that breaks is taken up where it broke.

Reads one content of the object, the one that the notice is about: an overwrite on the way ends the reading. Never holds
more than a block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import SSLError

from schemas.errors import WorkFailedError
from schemas.notices import Notice
from stream_jobs.aws_calls import code_of, fault_of
from stream_jobs.patience import Patience
from stream_jobs.publishing import Fault

_BLOCK_BYTES = 256 * 1024
_GONE = {"NoSuchKey", "NoSuchVersion", "PreconditionFailed"}


class ObjectGoneError(Exception):
    """The content is no longer there: deleted, or overwritten, of which another notice tells."""


def blocks_of(s3: Any, notice: Notice, patience: Callable[[], Patience]) -> Iterator[bytes]:
    """Yield the bytes of an object.

    Raises:
        ObjectGoneError: it is not there any more.
        WorkFailedError: it cannot be read.
        StoppedError: the same, for want of time.
    """
    request = {"Bucket": notice.bucket, "Key": notice.key}
    if notice.etag:
        request["IfMatch"] = f'"{notice.etag}"'
    if notice.version_id:
        request["VersionId"] = notice.version_id
    position = 0
    bearing = patience()
    while True:
        answer = _open(s3, request, notice, bearing)
        end = position + answer["ContentLength"]
        request["IfMatch"] = answer["ETag"]
        try:
            with closing(answer["Body"]) as body:
                while block := body.read(_BLOCK_BYTES):
                    position += len(block)
                    bearing.succeeded()
                    yield block
        except SSLError as error:  # the one error of a broken connection that botocore does not translate
            bearing.failed(f"read {notice.address}: {error}", error)
        except BotoCoreError as error:
            if fault_of(error) is Fault.FATAL:  # what came is not what was put, by its checksum
                raise WorkFailedError(f"read {notice.address}: {error}") from error
            bearing.failed(f"read {notice.address}: {error}", error)
        if position >= end:
            return
        if position:
            request["Range"] = f"bytes={position}-"


def _open(s3: Any, request: dict[str, str], notice: Notice, bearing: Patience) -> Any:
    """Return the answer to a request for an object, its body unread."""
    while True:
        try:
            return s3.get_object(**request)
        except (BotoCoreError, ClientError) as error:
            if code_of(error) in _GONE:
                raise ObjectGoneError(f"{notice.address} is gone") from error
            if fault_of(error) in (Fault.FATAL, Fault.ENTRY):
                raise WorkFailedError(f"read {notice.address}: {error}") from error
            bearing.failed(f"read {notice.address}: {error}", error)
