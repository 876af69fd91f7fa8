"""Raw objects: what is known of one without reading it, and listing them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from schemas import lake
from schemas.instants import datetime_to_us, hour_floor_us

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef


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


def list_raw_objects(s3: S3Client, bucket: str) -> Iterator[RawObject]:
    """Yield every object under the raw prefix, in key order; empty markers of folders are left out."""
    return list_below(s3, bucket, lake.RAW_PREFIX)


def list_below(s3: S3Client, bucket: str, prefix: str) -> Iterator[RawObject]:
    """Yield every object under a prefix, in key order; empty markers of folders are left out."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from listed(bucket, page.get("Contents", ()))


def listed(bucket: str, items: Iterable[ObjectTypeDef]) -> Iterator[RawObject]:
    """Yield the objects that a page of a listing names, but for empty markers of folders."""
    for item in items:
        if not item["Key"].endswith("/"):
            yield raw_object(bucket, item["Key"], item["ETag"], item["Size"], item["LastModified"])


def raw_object(bucket: str, key: str, etag: str, size_bytes: int, modified: datetime) -> RawObject:
    """Return an object as S3 describes it."""
    arrival_us = lake.hour_of_key(key)
    if arrival_us is None:
        arrival_us = hour_floor_us(datetime_to_us(modified))
    return RawObject(bucket, key, etag.strip('"'), size_bytes, arrival_us)
