"""Where a manifest is written: a file, or an object in S3."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_S3 = "s3://"


@dataclass(frozen=True, slots=True)
class Place:
    """A file, or an object where there is a bucket.

    Attributes:
        address: as the user gave it.
        bucket: of S3; empty for a file.
        key: in the bucket; empty for a file.
    """

    address: str
    bucket: str = ""
    key: str = ""

    def put(self, body: bytes, s3: S3Client | None) -> None:
        """Write, over what is there.

        Raises:
            ClientError: S3 refused it.
            OSError: the file cannot be written.
        """
        if not self.bucket:
            Path(self.address).write_bytes(body)
            return
        assert s3 is not None  # noqa: S101 - whoever has a bucket has a client
        s3.put_object(Bucket=self.bucket, Key=self.key, Body=body)


def place_of(address: str, option: str) -> Place:
    """Return the place that an option names.

    Raises:
        ConfigError: neither a file in a folder that is there nor s3://BUCKET/KEY.
    """
    if address.startswith(_S3):
        bucket, _, key = address.removeprefix(_S3).partition("/")
        if not bucket or not key or key.endswith("/"):
            raise ConfigError(f"{option} {address!r} is not s3://BUCKET/KEY")
        return Place(address, bucket, key)
    path = Path(address)
    if not path.parent.is_dir() or path.is_dir():
        raise ConfigError(f"{option} {address!r} is no file in a folder that is there")
    return Place(address)
