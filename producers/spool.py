"""What could not be sent, on disk: one JSON object a line, the record's bytes in base64.

It only appends; nothing here sends again.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from producers.batching import Record


class SpooledRecord(msgspec.Struct, frozen=True):
    """One line of a spool file.

    Attributes:
        lines: how many events the record holds.
        reason: why it could not be sent.
    """

    partition_key: str
    explicit_hash_key: str | None
    lines: int
    reason: str
    data_base64: str

    def record(self) -> Record:
        """Return the record as it would have been put."""
        return Record(self.partition_key, base64.b64decode(self.data_base64), self.lines, self.explicit_hash_key)


class Spool:
    """A file that exists once something could not be sent."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(self, unsent: Iterable[tuple[Record, str]]) -> None:
        """Append records with the reason for each."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            for record, reason in unsent:
                data = base64.b64encode(record.data).decode()
                spooled = SpooledRecord(record.partition_key, record.explicit_hash_key, record.lines, reason, data)
                file.write(msgspec.json.encode(spooled) + b"\n")


def read_spool(path: Path) -> Iterator[SpooledRecord]:
    """Yield what a spool file holds, in the order in which it was saved."""
    decoder = msgspec.json.Decoder(SpooledRecord)
    with path.open("rb") as file:
        for line in file:
            yield decoder.decode(line)
