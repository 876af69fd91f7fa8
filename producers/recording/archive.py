"""Archives: Avro container files of Kinesis records.

A file grows by whole blocks under the name `NAME.partial` and gets its own name when it is finished. Whatever ends the
writing, all blocks before are there: a cut end is told when it is read, after all that is whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import fastavro
from fastavro.write import Writer

from schemas import avsc
from schemas.errors import WorkFailedError
from schemas.instants import datetime_to_us
from schemas.kinesis_record import KinesisRecord

# Source: Apache Avro specification, "Object Container Files".
MAGIC = b"Obj\x01"
SUFFIX = ".avro"
PARTIAL_SUFFIX = ".partial"
# Blocks are ended by `flush` alone, so that none is cut anywhere else.
_NEVER = 1 << 60
_ARRIVAL = "arrival_timestamp"


class ArchiveFile:
    """One file that is being written. Not safe for use from several threads.

    Args:
        path: where it is to be; a file of that name must not be there.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._partial = path.with_name(path.name + PARTIAL_SUFFIX)
        self._file = self._partial.open("xb")
        schema = fastavro.parse_schema(json.loads(avsc.schema_text(avsc.KINESIS_RECORD)))
        self._writer = Writer(self._file, schema, codec="zstandard", sync_interval=_NEVER)

    @property
    def size_bytes(self) -> int:
        """What is on disk."""
        return self._file.tell()

    def append(self, records: Iterable[KinesisRecord]) -> None:
        """Write records as one block and hand it to the system; none make no block.

        Raises:
            OSError: the disk takes no more.
        """
        for record in records:
            self._writer.write(
                {
                    "data": record.data,
                    "partition_key": record.partition_key,
                    "sequence_number": record.sequence_number,
                    "shard_id": record.shard_id,
                    _ARRIVAL: record.arrival_timestamp_us,
                }
            )
        self._writer.flush()
        self._file.flush()

    def finish(self) -> None:
        """Give the file its name, once it is on disk."""
        os.fsync(self._file.fileno())
        self._file.close()
        self._partial.rename(self.path)


def check_archive(path: Path) -> None:
    """Look at the head of a file.

    Raises:
        WorkFailedError: it is no archive of Kinesis records.
    """
    with path.open("rb") as file:
        _blocks_of(file, path)


def read_archive(path: Path) -> Iterator[KinesisRecord]:
    """Yield the records of a file, in the order in which they were written.

    Raises:
        WorkFailedError: it is damaged or cut; all whole blocks before were yielded.
    """
    count = whole_bytes = 0
    with path.open("rb") as file:
        blocks = _blocks_of(file, path)
        while True:
            try:
                block = next(blocks, None)
                records = [] if block is None else [_record(read) for read in block]
            except Exception as error:  # damage shows as errors of many types
                raise WorkFailedError(f"{path} is damaged after record {count}: {error}") from error
            if block is None:
                break
            yield from records
            count += len(records)
            whole_bytes = block.offset + block.size
    # A cut inside the first number of a block looks like the end of the file.
    if count and whole_bytes < path.stat().st_size:
        raise WorkFailedError(f"{path} is damaged after record {count}: it ends inside a block")


def _blocks_of(file: BinaryIO, path: Path) -> Iterator[Any]:
    try:
        blocks: Iterator[Any] = fastavro.block_reader(file, json.loads(avsc.schema_text(avsc.KINESIS_RECORD)))
    except Exception as error:  # as above; it may also be the schema of something else
        raise WorkFailedError(f"{path} is no archive of Kinesis records: {error}") from error
    return blocks


def _record(read: dict[str, Any]) -> KinesisRecord:
    return KinesisRecord(
        data=read["data"],
        partition_key=read["partition_key"],
        sequence_number=read["sequence_number"],
        shard_id=read["shard_id"],
        arrival_timestamp_us=datetime_to_us(read[_ARRIVAL]),
    )
