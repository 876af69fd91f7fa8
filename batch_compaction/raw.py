"""Raw objects: listing them and reading their content, damaged ones as far as they can be read.

Decides nothing about lines. Whether an object is compressed is seen in its first bytes, not in its name.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas import lake
from schemas.instants import datetime_to_us, hour_floor_us

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
# An error loses all that its call had decompressed, so the steps are short.
_STEP_BYTES = 1024


@dataclass(frozen=True, slots=True)
class RawObject:
    """One object under the raw prefix.

    Attributes:
        arrival_hour_us: start of the hour that its folder names, or of its last modification where it names none.
    """

    bucket: str
    key: str
    etag: str
    size_bytes: int
    arrival_hour_us: int


@dataclass(frozen=True, slots=True)
class Content:
    """What an object holds: its decompressed bytes, and what is wrong with it where it ends before its end."""

    data: bytes
    damage: str | None = None


def list_raw_objects(s3: S3Client, bucket: str) -> Iterator[RawObject]:
    """Yield every object under the raw prefix, in key order; empty markers of folders are left out."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=lake.RAW_PREFIX):
        for item in page.get("Contents", ()):
            key = item["Key"]
            if key.endswith("/"):
                continue
            arrival_us = lake.hour_of_key(key)
            if arrival_us is None:
                arrival_us = hour_floor_us(datetime_to_us(item["LastModified"]))
            yield RawObject(bucket, key, item["ETag"].strip('"'), item["Size"], arrival_us)


def read_content(s3: S3Client, raw: RawObject) -> Content:
    """Return an object's content, decompressed."""
    return decompress(s3.get_object(Bucket=raw.bucket, Key=raw.key)["Body"].read())


def decompress(body: bytes) -> Content:
    """Return the content of a body, which may be plain or gzip of one or several members.

    A gzip that is cut or damaged gives what can be read of it. Where only the checksum at its end tells of damage, that
    is all of it, and some line may not be what was written: whoever reads the lines must look at `damage` as well.
    """
    if not body.startswith(_GZIP_MAGIC):
        return Content(body)
    parts: list[bytes] = []
    position = 0
    while position < len(body):
        member = zlib.decompressobj(_GZIP_WINDOW)
        while not member.eof:
            step = body[position : position + _STEP_BYTES]
            position += len(step)
            if not step:
                return Content(b"".join(parts), "the gzip ends before its end")
            try:
                parts.append(member.decompress(step))
            except zlib.error as error:
                return Content(b"".join(parts), f"the gzip is damaged: {error}")
        position -= len(member.unused_data)
    return Content(b"".join(parts))
