"""What tests find in a stream: all of it, or what comes from now on; and what a spool keeps of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from producers.spool import read_spool
from schemas.attestation import Attestation, read_attestation
from schemas.kpl import payloads

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient


def records_in(kinesis: KinesisClient, stream: str = "clickstream") -> dict[str, list[tuple[str, bytes]]]:
    """Return shard id -> (partition key, data) of all its records."""
    found: dict[str, list[tuple[str, bytes]]] = {}
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        records = found.setdefault(shard["ShardId"], [])
        iterator: str | None = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator:
            answer = kinesis.get_records(ShardIterator=iterator, Limit=10_000)
            records += [(record["PartitionKey"], record["Data"]) for record in answer["Records"]]
            is_read = not answer["Records"] and answer["MillisBehindLatest"] == 0
            iterator = None if is_read else answer.get("NextShardIterator")
    return found


def lines_in(kinesis: KinesisClient, stream: str = "clickstream") -> list[bytes]:
    """Return all lines of a stream that are no attestations."""
    blobs = (data for records in records_in(kinesis, stream).values() for _, data in records)
    return [line for data in blobs for line in payloads(data) if read_attestation(line) is None]


def spooled_lines(state_dir: Path) -> list[bytes]:
    """Return all lines in the spools of a state directory."""
    paths = (state_dir / "spool").glob("*.ndjson")
    return [line for path in paths for saved in read_spool(path) for line in payloads(saved.record().data)]


class Arrivals:
    """What comes into the stream from now on.

    Attributes:
        lines: those read so far that are no attestations.
        attestations: those read so far.
    """

    def __init__(self, kinesis: KinesisClient) -> None:
        self._kinesis = kinesis
        self._iterators = [
            kinesis.get_shard_iterator(StreamName="clickstream", ShardId=shard["ShardId"], ShardIteratorType="LATEST")[
                "ShardIterator"
            ]
            for shard in kinesis.list_shards(StreamName="clickstream")["Shards"]
        ]
        self.lines: list[bytes] = []
        self.attestations: list[Attestation] = []

    def read(self) -> list[bytes]:
        """Return all lines so far that are no attestations."""
        for place, iterator in enumerate(self._iterators):
            answer = self._kinesis.get_records(ShardIterator=iterator, Limit=10_000)
            self._iterators[place] = answer["NextShardIterator"]
            for line in (line for record in answer["Records"] for line in payloads(record["Data"])):
                if attestation := read_attestation(line):
                    self.attestations.append(attestation)
                else:
                    self.lines.append(line)
        return self.lines
