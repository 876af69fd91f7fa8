"""Lines of the objects in a bucket: found from an hour on, fetched a few ahead, unpacked as a stream.

Opens an object once and holds a few of them at a time, on disk where they are large.
"""

from __future__ import annotations

import tempfile
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import IO, TYPE_CHECKING

from backports import zstd
from boto3.s3.transfer import TransferConfig

from producers.verify.scopes import Scope
from schemas.compression import decompressed
from schemas.instants import datetime_to_us
from schemas.lake import hour_of_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2RequestPaginateTypeDef

_AHEAD = 8
_IN_MEMORY_BYTES = 8 * 1024 * 1024
_CHUNK_BYTES = 256 * 1024
_YEAR = "year="
# The threads here are one for each object; within one, broken connections are taken up by the transfer.
_TRANSFER = TransferConfig(use_threads=False)


def list_in_scope(s3: S3Client, bucket: str, prefix: str, scope: Scope) -> tuple[list[str], Scope]:
    """Return the keys below a prefix that a scope holds, in order, and the scope, knowing the keys that name no hour.

    Folders of hours before the scope are not listed.
    """
    found: list[str] = []
    earlier: set[str] = set()
    pages = s3.get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=bucket, Prefix=prefix, Delimiter="/"):
        contents = list(page.get("Contents", ()))
        for folder in page.get("CommonPrefixes", ()):
            request: ListObjectsV2RequestPaginateTypeDef = {"Bucket": bucket, "Prefix": folder["Prefix"]}
            if folder["Prefix"].startswith(prefix + _YEAR):
                request["StartAfter"] = scope.first_folder(prefix)
            contents += (item for inner in pages.paginate(**request) for item in inner.get("Contents", ()))
        for item in contents:
            key, changed_us = item["Key"], datetime_to_us(item["LastModified"])
            if key.endswith("/"):
                continue
            if hour_of_key(key) is None and scope.since_us is not None and changed_us < scope.since_us:
                earlier.add(key)
            elif scope.holds(key):
                found.append(key)
    return sorted(found), replace(scope, earlier=frozenset(earlier))


def fetched(s3: S3Client, bucket: str, keys: Iterable[str]) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the objects in order, each with its content as stored; the next ones are fetched meanwhile."""

    def fetch(key: str) -> IO[bytes]:
        file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - closed by who takes it
        s3.download_fileobj(bucket, key, file, Config=_TRANSFER)
        file.seek(0)
        return file

    remaining = iter(keys)
    waiting: deque[tuple[str, Future[IO[bytes]]]] = deque()
    with ThreadPoolExecutor(_AHEAD) as pool:
        try:
            while True:
                for key in islice(remaining, _AHEAD - len(waiting)):
                    waiting.append((key, pool.submit(fetch, key)))
                if not waiting:
                    return
                key, future = waiting.popleft()
                with future.result() as file:
                    yield key, file
        finally:
            for _, future in waiting:
                future.cancel()


def lines_of(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of a content, plain, gzip or zstd, without their newlines, blank ones too.

    Raises:
        DamagedError: after all whole lines that can be read.
    """
    held: list[bytes] = []
    for chunk in decompressed(iter(lambda: file.read(_CHUNK_BYTES), b""), zlib, zstd):
        lines = chunk.split(b"\n")
        held.append(lines[0])
        if len(lines) > 1:
            yield b"".join(held)
            yield from lines[1:-1]
            held = [lines[-1]]
    if last := b"".join(held):
        yield last
