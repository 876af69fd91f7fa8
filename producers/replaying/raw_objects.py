"""Raw objects in S3 as recordings: those of a span of arrival hours, in order of key.

A folder's name is all that says when its objects arrived, so a span is one of whole hours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, IncompleteReadError
from urllib3.exceptions import SSLError

from producers.pacing import Backoff
from producers.put import is_transient
from producers.replaying.mapping import Mapping
from producers.replaying.text import TextRecording
from schemas.errors import ConfigError, WorkFailedError
from schemas.instants import HOUR_US
from schemas.lake import RAW_PREFIX, hour_folder, hour_of_key, is_firehose_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef

_CHUNK_BYTES = 256 * 1024
# In a row, without a byte in between.
_BACKOFF = Backoff(tries=6, first_s=0.4, longest_s=10.0)


@dataclass(frozen=True, slots=True)
class FoundObject:
    """An object as it was listed; what took its place since is not read."""

    bucket: str
    key: str
    etag: str
    size_bytes: int

    @property
    def address(self) -> str:
        """Its name for a person."""
        return f"s3://{self.bucket}/{self.key}"


def raw_recordings(
    s3: S3Client, bucket: str, prefix: str, start_us: int | None, end_us: int | None, mapping: Mapping | None
) -> list[TextRecording]:
    """Return the objects below a prefix that are not empty, in order of key.

    Args:
        s3: a client.
        bucket: where.
        prefix: the raw folder, or a part of it.
        start_us: leaves out the hour folders that end by then, and what is in none.
        end_us: leaves out those that begin then or later, and what is in none.
        mapping: how a row becomes an event.

    Raises:
        ConfigError: there is no such bucket or no object.
        WorkFailedError: S3 refused.
    """
    try:
        found = list(_listed(s3, bucket, prefix, start_us, end_us))
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "NoSuchBucket":
            raise ConfigError(f"there is no bucket {bucket!r}") from error
        raise WorkFailedError(f"list s3://{bucket}/{prefix}: {error}") from error
    except BotoCoreError as error:
        raise WorkFailedError(f"list s3://{bucket}/{prefix}: {error}") from error
    if not found:
        raise ConfigError(f"s3://{bucket}/{prefix} has no objects of that time")
    return [
        TextRecording(
            o.address,
            f"{o.address} {o.etag}",
            partial(chunks_of, s3, o),
            mapping,
            is_within_by_arrival=True,
            is_streamed=is_firehose_object(o.key),
        )
        for o in found
    ]


def _listed(s3: S3Client, bucket: str, prefix: str, start_us: int | None, end_us: int | None) -> Iterator[FoundObject]:
    # Hour folders sort by time, so where they lie at once below the prefix a part of the listing is enough.
    is_root = prefix == RAW_PREFIX
    after = prefix + hour_folder(start_us) if is_root and start_us is not None else ""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, StartAfter=after):
        for entry in page.get("Contents", []):
            hour_us = hour_of_key(entry["Key"])
            if is_root and hour_us is not None and end_us is not None and hour_us >= end_us:
                return
            if entry["Size"] and _is_within(hour_us, start_us, end_us):
                yield FoundObject(bucket, entry["Key"], entry["ETag"].strip('"'), entry["Size"])


def _is_within(hour_us: int | None, start_us: int | None, end_us: int | None) -> bool:
    if hour_us is None:
        return start_us is None and end_us is None
    return (start_us is None or hour_us + HOUR_US > start_us) and (end_us is None or hour_us < end_us)


def chunks_of(s3: S3Client, found: FoundObject, pause: Callable[[float], object] = time.sleep) -> Iterator[bytes]:
    """Yield the bytes of an object; a read that breaks off goes on where it stopped.

    Raises:
        WorkFailedError: it is gone or changed, or S3 refused or failed several times in a row.
    """
    position = failures = 0
    while position < found.size_bytes:
        request: GetObjectRequestTypeDef = {
            "Bucket": found.bucket,
            "Key": found.key,
            "IfMatch": f'"{found.etag}"',
            "Range": f"bytes={position}-",
        }
        try:
            with closing(s3.get_object(**request)["Body"]) as body:
                while chunk := body.read(_CHUNK_BYTES):
                    position += len(chunk)
                    failures = 0
                    yield chunk
        except (BotoCoreError, ClientError, SSLError) as error:
            failures += 1
            may_pass = isinstance(error, IncompleteReadError | SSLError) or is_transient(error)
            if failures == _BACKOFF.tries or not may_pass:
                raise WorkFailedError(f"read {found.address} from byte {position}: {error}") from error
            pause(_BACKOFF.wait_s(failures, 1.0))
