"""Raw objects of repaired lines: writing one, putting it once, finding and reading those that were put.

Such an object lies below the raw prefix under the hour in which its lines first arrived. Its name is the digests of the
rules and of its content, so that putting it again changes nothing, and each of its lines says where it comes from.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import IO, TYPE_CHECKING, Self

import msgspec
from backports import zstd
from botocore.exceptions import ClientError

from batch_compaction.quarantine_repair import Origin
from schemas.compression import DamagedError, decompressed
from schemas.errors import WorkFailedError
from schemas.lake import RAW_PREFIX, hour_folder

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Its keys stand behind those of every hour folder: of two lines under one event id, the one that was good from the
# beginning is the fact.
REPAIRED_PREFIX = f"{RAW_PREFIX}z-repaired/"
_NAME = re.compile(r".*/([0-9a-f]{16})-[0-9a-f]{32}\.json\.gz")
_CHUNK_BYTES = 256 * 1024
_IS_THERE = "PreconditionFailed"


class _Repaired(msgspec.Struct):
    repaired_from: Origin


_decode_origin = msgspec.json.Decoder(_Repaired).decode


class RepairedLines:
    """The repaired lines of an arrival hour, compressed on disk as they come.

    Args:
        rules_digest: of the rules that repaired them.
    """

    def __init__(self, rules_digest: str) -> None:
        self._rules_digest = rules_digest
        self._content = hashlib.sha256()
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `__exit__`)
        self._gzip = gzip.GzipFile(filename="", mode="wb", fileobj=self._file, mtime=0)
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._gzip.close()
        self._file.close()

    def add(self, line: bytes) -> int:
        """Add a line and return its number, from 1."""
        self._gzip.write(line + b"\n")
        self._content.update(line + b"\n")
        self.count += 1
        return self.count

    def key(self, arrival_hour_us: int) -> str:
        """Return the key of the object of these lines."""
        name = f"{self._rules_digest}-{self._content.hexdigest()[:32]}.json.gz"
        return f"{REPAIRED_PREFIX}{hour_folder(arrival_hour_us)}{name}"

    def put(self, s3: S3Client, bucket: str, key: str) -> None:
        """Put the object of these lines, unless it is there; nothing can be added afterwards."""
        self._gzip.close()
        self._file.seek(0)
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=self._file, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] != _IS_THERE:
                raise


def repaired_objects(s3: S3Client, bucket: str) -> Iterator[str]:
    """Yield the key of every object of repaired lines, in order."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=REPAIRED_PREFIX):
        yield from (item["Key"] for item in page.get("Contents", ()) if _NAME.fullmatch(item["Key"]))


def rules_digest_of(key: str) -> str:
    """Return the digest of the rules that repaired the lines of an object.

    Raises:
        ValueError: the key is of no such object.
    """
    found = _NAME.fullmatch(key)
    if found is None:
        raise ValueError(f"{key} is no object of repaired lines")
    return found[1]


def origins(s3: S3Client, bucket: str, key: str) -> Iterator[Origin]:
    """Yield where each line of an object of repaired lines comes from, in order.

    Raises:
        WorkFailedError: it is not what a replay puts.
    """
    with gzip.GzipFile(fileobj=s3.get_object(Bucket=bucket, Key=key)["Body"]) as lines:
        try:
            for line in lines:
                yield _decode_origin(line).repaired_from
        except (msgspec.DecodeError, OSError, EOFError, zlib.error) as error:
            raise WorkFailedError(f"s3://{bucket}/{key} is not what a replay has put: {error}") from error


def stored_bytes(s3: S3Client, bucket: str, key: str, offset: int, length: int) -> bytes:
    """Return a part of what an object holds, decompressed; less where it ends before, or is damaged before.

    Raises:
        ClientError: the object is not there, or cannot be read.
    """
    body = s3.get_object(Bucket=bucket, Key=key)["Body"]
    found = bytearray()
    position = 0
    with closing(body), suppress(DamagedError):
        for chunk in decompressed(body.iter_chunks(_CHUNK_BYTES), zlib, zstd):
            found += chunk[max(0, offset - position) :][: length - len(found)]
            position += len(chunk)
            if len(found) == length:
                break
    return bytes(found)
