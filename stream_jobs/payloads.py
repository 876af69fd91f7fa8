"""The original bytes of dead letters, inside of them or in the lake.

Gives what was put there or nothing: bytes in the lake are compared with the digest that is their name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from schemas.aws_errors import THROTTLE_CODES
from schemas.dead_letter import DeadLetter
from schemas.errors import BadRecordError
from schemas.lake import DEAD_LETTERS_PREFIX
from stream_jobs.aws_calls import call_until_answered, code_of
from stream_jobs.patience import Patience

# Without the right to list the bucket, a missing object is a forbidden one. Source: S3 API reference, GetObject.
_UNREADABLE = ("AccessDenied", "InvalidObjectState")


class Payloads:
    """The original bytes of letters, wherever they lie.

    Args:
        s3: an S3 client.
        bucket: the curated bucket; payloads are read from nowhere else.
        patience: makes the patience for one call.
    """

    def __init__(self, s3: Any, bucket: str, patience: Callable[[], Patience]) -> None:
        self._s3 = s3
        self._prefix = f"s3://{bucket}/{DEAD_LETTERS_PREFIX}"
        self._bucket = bucket
        self._patience = patience

    def of(self, letter: DeadLetter) -> bytes:
        """Return a letter's bytes.

        Raises:
            BadRecordError: they are not there, not what was put there, or not for us to read.
            WorkFailedError: they cannot be read now.
            StoppedError: it was stopped while it waited.
        """
        try:
            payload = letter.payload()
        except ValueError as error:
            raise BadRecordError("its payload is not base64") from error
        return self._stored(letter.payload_location or "") if payload is None else payload

    def _stored(self, location: str) -> bytes:
        if not location.startswith(self._prefix):
            raise BadRecordError(f"it holds no payload, and {location or 'no place'} is not under {self._prefix}")
        digest = location.removeprefix(self._prefix)
        key = DEAD_LETTERS_PREFIX + digest
        payload: bytes = call_until_answered(f"read {location}", lambda: self._object(key), self._patience())
        if hashlib.sha256(payload).hexdigest() != digest:
            raise BadRecordError(f"what lies at {location} is not its payload")
        return payload

    def _object(self, key: str) -> bytes:
        try:
            data: bytes = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            # The fault of this object alone: the others may be read. A throttle of the key service is none.
            code = code_of(error)
            if code == "NoSuchKey":
                raise BadRecordError(f"its payload is gone from s3://{self._bucket}/{key}") from error
            if code in _UNREADABLE or (code.startswith("KMS.") and code not in THROTTLE_CODES):
                raise BadRecordError(f"its payload cannot be read from s3://{self._bucket}/{key}: {error}") from error
            raise
        return data
