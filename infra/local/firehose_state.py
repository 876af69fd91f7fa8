"""The files between the Firehose stand-in and those who watch it: checkpoint, progress and requests to flush.

A request to flush is a file of its own, taken away when everything that was in the stream before it has been delivered,
so that several may ask at once and none takes the answer to another for its own.
"""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import msgspec

from infra.local.state import replace_file
from schemas.errors import WorkFailedError


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What has been delivered, ever.

    Attributes:
        positions: shard -> sequence number of the last record delivered.
        delivered_records: user records in data objects.
        delivered_objects: data and error objects.
        failed_records: Kinesis records in error objects.
    """

    positions: dict[str, str] = {}
    delivered_records: int = 0
    delivered_objects: int = 0
    failed_records: int = 0


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Where the stand-in is.

    Attributes:
        caught_up: nothing is buffered, and the last look at every shard reached its end. What was put since is not in
            it: only a flush says that all put before it was delivered.
    """

    delivered_records: int
    delivered_objects: int
    failed_records: int
    buffered_records: int
    buffered_bytes: int
    caught_up: bool
    positions: dict[str, str]


class FirehoseFolder:
    """The folder that one stand-in works in."""

    def __init__(self, folder: Path) -> None:
        self._checkpoint = folder / "checkpoint.json"
        self._progress = folder / "progress.json"
        self._requests = folder / "flush"

    def read_checkpoint(self) -> Checkpoint:
        """Return the checkpoint; of a new folder, an empty one.

        Raises:
            WorkFailedError: the file is damaged, so that going on would lose or repeat records unnoticed.
        """
        try:
            return msgspec.json.decode(self._checkpoint.read_bytes(), type=Checkpoint)
        except FileNotFoundError:
            return Checkpoint()
        except msgspec.DecodeError as error:
            raise WorkFailedError(f"the checkpoint {self._checkpoint} cannot be read: {error}") from error

    def write_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint."""
        replace_file(self._checkpoint, msgspec.json.encode(checkpoint))

    def read_progress(self) -> Progress | None:
        """Return the last progress, or None before the stand-in has read anything."""
        try:
            return msgspec.json.decode(self._progress.read_bytes(), type=Progress)
        except FileNotFoundError:
            return None

    def write_progress(self, progress: Progress) -> None:
        """Replace the progress."""
        replace_file(self._progress, msgspec.json.encode(progress))

    def request_flush(self) -> Path:
        """Ask that everything now in the stream be delivered; the file returned disappears when it is."""
        self._requests.mkdir(parents=True, exist_ok=True)
        request = self._requests / uuid4().hex
        request.touch()
        return request

    def flush_requests(self) -> list[Path]:
        """Return the requests not yet met."""
        return sorted(self._requests.iterdir()) if self._requests.is_dir() else []
