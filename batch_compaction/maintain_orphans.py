"""Files of a table to which nothing refers: finding them and removing them.

A file is kept while any snapshot refers to it that the table has now or had at any time within the grace, and while it
is younger than the grace. So what a run has uploaded and not committed, what a reader still reads and what a rollback
is about to bring back is never an orphan. Files of other kinds than those that are written here are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from pyiceberg.io import FileIO
from pyiceberg.serializers import FromInputFile
from pyiceberg.table.metadata import TableMetadata

from batch_compaction.lake_tables import LakeTable
from schemas.instants import datetime_to_us

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_METADATA = ".metadata.json"
_OURS = (".parquet", ".avro", _METADATA)
_THREADS = 8


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in a table's folder."""

    key: str
    size_bytes: int
    modified: datetime

    @property
    def modified_us(self) -> int:
        """When it was written, in microseconds."""
        return datetime_to_us(self.modified)


def orphans_of(s3: S3Client, bucket: str, table: LakeTable, before_us: int) -> list[StoredFile]:
    """Return the files that may go, in order.

    Args:
        s3: a client.
        bucket: where the table lies.
        table: the table, opened now.
        before_us: when the grace began.
    """
    root = f"s3://{bucket}/"
    folder = f"{table.iceberg.location()}/".removeprefix(root)
    # Listed first: what is written and committed from now on is in no listing.
    files = list(_listed(s3, bucket, folder))
    metadata_files = sorted(
        (file for file in files if file.key.endswith(_METADATA)), key=lambda file: (file.modified, file.key)
    )
    old = [file for file in metadata_files if file.modified_us < before_us]
    lived = [*old[-1:], *metadata_files[len(old) :]]
    referred = _referred(
        table.iceberg.io, table.iceberg.metadata, table.iceberg.metadata_location, [root + file.key for file in lived]
    )
    return [file for file in files if file.modified_us < before_us and root + file.key not in referred]


def remove(s3: S3Client, bucket: str, files: Sequence[StoredFile]) -> int:
    """Remove files and return how many; one that was written again since it was listed stays."""

    def remove_one(file: StoredFile) -> bool:
        # A run that comes to the same rows writes the same name: then it is about to refer to it.
        try:
            found = s3.head_object(Bucket=bucket, Key=file.key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False
            raise
        if found["LastModified"] != file.modified:
            return False
        s3.delete_object(Bucket=bucket, Key=file.key)
        return True

    with ThreadPoolExecutor(_THREADS, "remove") as threads:
        return sum(threads.map(remove_one, files))


def _listed(s3: S3Client, bucket: str, folder: str) -> Iterator[StoredFile]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder):
        for found in page.get("Contents", ()):
            if found["Key"].endswith(_OURS):
                yield StoredFile(found["Key"], found["Size"], found["LastModified"])


def _referred(io: FileIO, current: TableMetadata, location: str, lived: Iterable[str]) -> set[str]:
    """Return the addresses of all files that the metadata files, and what they name, refer to."""
    referred = {location, *lived, *(entry.metadata_file for entry in current.metadata_log)}
    snapshots, manifests = set[int](), set[str]()
    for metadata in (current, *(FromInputFile.table_metadata(io.new_input(path)) for path in lived)):
        referred.update(item.statistics_path for item in metadata.statistics)
        for snapshot in metadata.snapshots:
            if snapshot.snapshot_id in snapshots:
                continue
            snapshots.add(snapshot.snapshot_id)
            referred.add(snapshot.manifest_list)
            for manifest in snapshot.manifests(io):
                if manifest.manifest_path in manifests:
                    continue
                manifests.add(manifest.manifest_path)
                entries = manifest.fetch_manifest_entry(io, discard_deleted=True)
                referred.update(entry.data_file.file_path for entry in entries)
    return referred | manifests
