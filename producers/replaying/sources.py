"""What a name on the command line stands for, as recordings in order: files, raw objects, facts.

A file is known by its first bytes, not by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from producers.lines import Line
from producers.recording import archive
from producers.replaying.conversion import RowCounts, lines_of_user_records
from producers.replaying.judging import Judge
from producers.replaying.mapping import Mapping as RowMapping
from producers.replaying.replay import Recording, Span
from producers.replaying.text import TextRecording
from schemas.errors import ConfigError, WorkFailedError
from schemas.kinesis_record import KinesisRecord
from schemas.kpl import BrokenFrameError, UserRecord, user_records
from schemas.lake import RAW_PREFIX
from schemas.settings import Settings

RAW = "raw:"
FACTS = "facts:"
S3 = "s3://"
_PARQUET_MAGIC = b"PAR1"
_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class ArchiveRecording:
    """One archive file of Kinesis records; broken frames go out as they are."""

    path: Path
    identity: str
    is_within_by_arrival = False

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    def faults(self) -> list[str]:
        """Return why it is none."""
        try:
            archive.check_archive(self.path)
        except WorkFailedError as error:
            return [str(error)]
        return []

    def lines(self, judge: Judge, counts: RowCounts) -> Iterator[Line]:
        """Yield its user records with their keys.

        Raises:
            WorkFailedError: it is damaged or cut; all whole blocks before were yielded.
        """
        records = (user for record in archive.read_archive(self.path) for user in _user_records(record))
        return lines_of_user_records(records, judge, counts)


def find_recordings(
    sources: Sequence[str],
    mapping: RowMapping | None,
    span: Span,
    settings: Callable[[], Settings],
    environment: Mapping[str, str],
) -> list[Recording]:
    """Return what the names stand for, so that a run does not stop half-way for what could be known before.

    Args:
        sources: paths of files or of folders of archives, `s3://BUCKET/PREFIX`, `raw:` or `facts:`.
        mapping: how rows become events.
        span: chooses raw objects and facts by hour.
        settings: gives those of the deployment, asked for where a source needs them.
        environment: where S3 is.

    Raises:
        ConfigError: with every source that is not there, cannot be read, or does not fit the mapping.
        WorkFailedError: S3 or Glue refused.
    """
    found: list[Recording] = []
    faults: list[str] = []
    for source in sources:
        try:
            recordings = list(_recordings_of(source, mapping, span, settings, environment))
        except (ConfigError, OSError) as error:
            faults += error.faults if isinstance(error, ConfigError) else [str(error)]
            continue
        found += recordings
        # Each object or hour would be a call; what one of them lacks, mostly all do.
        checked = recordings[:1] if source.startswith((S3, RAW, FACTS)) else recordings
        faults += [fault for recording in checked for fault in recording.faults()]
    if faults:
        raise ConfigError(faults)
    return found


def _recordings_of(
    source: str,
    mapping: RowMapping | None,
    span: Span,
    settings: Callable[[], Settings],
    environment: Mapping[str, str],
) -> Iterator[Recording]:
    if source == FACTS:
        from producers.replaying.parquet import fact_recordings

        _refuse(mapping, "the facts are events already")
        yield from fact_recordings(settings(), environment, span.start_us, span.end_us)
    elif source == RAW or source.startswith(S3):
        import boto3

        from producers.replaying.raw_objects import raw_recordings

        if mapping is not None and mapping.format == "parquet":
            raise ConfigError(f"--mapping: {source} stands for objects of lines, not Parquet")
        address = urlsplit(source)
        bucket = settings().raw_bucket if source == RAW else address.netloc
        prefix = RAW_PREFIX if source == RAW else address.path.removeprefix("/")
        yield from raw_recordings(boto3.client("s3"), bucket, prefix, span.start_us, span.end_us, mapping)
    elif Path(source).is_dir():
        archives = sorted(Path(source).glob(f"*{archive.SUFFIX}"))
        if not archives:
            raise ConfigError(f"{source} is a folder without archives (*{archive.SUFFIX})")
        for path in archives:
            yield _file(path, mapping)
    elif Path(source).is_file():
        yield _file(Path(source), mapping)
    else:
        raise ConfigError(f"{source} is not a file")


def _file(path: Path, mapping: RowMapping | None) -> Recording:
    status = path.stat()
    identity = f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"
    with path.open("rb") as file:
        head = file.read(4)
    if head == archive.MAGIC:
        _refuse(mapping, f"{path} is an archive, whose records are sent as they are")
        return ArchiveRecording(path, identity)
    is_parquet = head == _PARQUET_MAGIC
    if mapping is not None and is_parquet is not (mapping.format == "parquet"):
        raise ConfigError(f"{path} is {'' if is_parquet else 'not '}Parquet, the mapping is for {mapping.format}")
    if is_parquet:
        from producers.replaying.parquet import parquet_file

        return parquet_file(path, identity, mapping)
    return TextRecording(str(path), identity, partial(_chunks_of, path), mapping)


def _refuse(mapping: RowMapping | None, why: str) -> None:
    if mapping is not None:
        raise ConfigError(f"--mapping: {why}")


def _chunks_of(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise WorkFailedError(f"{path} cannot be read: {error}") from error


def _user_records(record: KinesisRecord) -> list[UserRecord]:
    try:
        return user_records(record.data, record.partition_key)
    except BrokenFrameError:
        return [UserRecord(record.partition_key, record.data)]
