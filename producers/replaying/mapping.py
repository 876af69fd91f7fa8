"""The mapping file: how a row of somebody else's recording becomes an event.

Reads and judges the TOML and reports all its faults at once; it touches no row (see `translation`). The reference for
users is docs/producers.md.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping as Table
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from producers.replaying.paths import path_steps
from schemas.errors import ConfigError

Format = Literal["ndjson", "csv", "regex", "parquet"]
TEXT_FIELDS = ("event_id", "user_id", "session_id", "event_type", "device_type", "page_url", "referrer_url")
_REQUIRED = ("user_id", "session_id", "event_type")
# 16 hex digits: among a million of users, two share an id with a chance of 1 in 37 million.
_LEAST_DIGITS, _MOST_DIGITS = 16, 64


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a value comes from: the first of some paths that has one, or several joined.

    Attributes:
        first: paths, tried in order.
        join: paths whose values are joined with `|`; absent where all are empty.
        hash: keep only so many hex digits of the SHA-256 of the value.
        decimals: the value is a decimal number; shift it by so many digits to a whole one.
        only: take the value only for these event types.
    """

    first: tuple[str, ...] = ()
    join: tuple[str, ...] = ()
    hash: int | None = None
    decimals: int | None = None
    only: tuple[str, ...] = ()


class TimeSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the time comes from: `iso`, `epoch_ms` or a strptime format, with the zone of texts without one."""

    source: str
    format: str = "iso"
    zone: str = "UTC"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Format
    timestamp: TimeSource
    columns: tuple[str, ...] = ()
    pattern: str = ""
    redact: str = ""
    fields: dict[str, str | tuple[str, ...] | Source] = {}
    constants: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    metadata: dict[str, str | tuple[str, ...] | Source] = {}


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping that holds together.

    Attributes:
        columns: names of the columns of a CSV file without a header; empty where it has one.
        pattern: for the regex format, its named groups are the columns.
        redact: what to hide in a row that cannot be read and is sent as it is.
        values: per event field, what to write instead of a value; others stay.
        digest: equal for equal files.
    """

    format: Format
    timestamp: TimeSource
    columns: tuple[str, ...]
    pattern: re.Pattern[str] | None
    redact: re.Pattern[str] | None
    fields: Table[str, Source]
    constants: Table[str, str]
    values: Table[str, Table[str, str]]
    metadata: Table[str, Source]
    digest: str

    @property
    def needed_columns(self) -> set[str]:
        """The columns that a recording must have."""
        sources = (*self.fields.values(), *self.metadata.values())
        paths = [self.timestamp.source, *(path for source in sources for path in (*source.first, *source.join))]
        return {path_steps(path)[0] for path in paths}


def shipped_mappings() -> list[str]:
    """Return the names of the mappings that come with the package."""
    folder = files("producers") / "mappings"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_mapping(name_or_path: str) -> Mapping:
    """Return a mapping by its name or from a file.

    Raises:
        ConfigError: there is none, or with everything that is wrong with it.
    """
    if name_or_path in shipped_mappings():
        return parse_mapping(
            (files("producers") / "mappings" / f"{name_or_path}.toml").read_text("utf-8"), name_or_path
        )
    path = Path(name_or_path)
    if not path.is_file():
        raise ConfigError(
            f"no mapping {name_or_path!r}: neither a file nor one of the shipped {', '.join(shipped_mappings())}"
        )
    try:
        return parse_mapping(path.read_text("utf-8"), path.name)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name} is not UTF-8: {error}") from error


def parse_mapping(text: str, name: str) -> Mapping:
    """Return the mapping that a TOML text declares.

    Args:
        text: the TOML.
        name: what to call it in errors.

    Raises:
        ConfigError: with everything that is wrong with it.
    """
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"mapping {name}: {error}") from error
    faults = [f"mapping {name}: {fault}" for fault in _faults(file)]
    if faults:
        raise ConfigError(faults)
    return Mapping(
        format=file.format,
        timestamp=file.timestamp,
        columns=file.columns,
        pattern=re.compile(file.pattern) if file.pattern else None,
        redact=re.compile(file.redact) if file.redact else None,
        fields=_sources(file.fields),
        constants=file.constants,
        values=file.values,
        metadata=_sources(file.metadata),
        digest=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16],
    )


def _sources(declared: Table[str, str | tuple[str, ...] | Source]) -> dict[str, Source]:
    return {field: _source(source) for field, source in declared.items()}


def _source(declared: str | tuple[str, ...] | Source) -> Source:
    if isinstance(declared, Source):
        return declared
    return Source(first=(declared,) if isinstance(declared, str) else declared)


def _faults(file: _File) -> list[str]:
    return [*_format_faults(file), *_field_faults(file), *_source_faults(file), *_timestamp_faults(file)]


def _format_faults(file: _File) -> list[str]:
    faults = [
        f"{key} belongs to the {owner} format, not to {file.format}"
        for key, owner in (("columns", "csv"), ("pattern", "regex"))
        if getattr(file, key) and file.format != owner
    ]
    if len(set(file.columns)) < len(file.columns):
        faults.append("columns names a column twice")
    if file.format == "regex" and not file.pattern:
        faults.append("the regex format needs a pattern")
    for key in ("pattern", "redact"):
        try:
            re.compile(getattr(file, key))
        except re.error as error:
            faults.append(f"{key} is not a regular expression: {error}")
    return faults


def _field_faults(file: _File) -> list[str]:
    known = f"an event has {', '.join(TEXT_FIELDS)}"
    faults = [
        f"{table}: {field!r} is no text field of an event; {known}"
        for table in ("fields", "constants", "values")
        for field in getattr(file, table)
        if field not in TEXT_FIELDS
    ]
    faults += [f"{field} is in fields and in constants" for field in file.fields.keys() & file.constants.keys()]
    faults += [f"values.{field} has no field {field} to act on" for field in file.values if field not in file.fields]
    given = file.fields.keys() | file.constants.keys()
    faults += [f"nothing gives {field}, which every event must have" for field in _REQUIRED if field not in given]
    return faults


def _source_faults(file: _File) -> list[str]:
    faults = []
    columns = _columns(file)
    for table, declared in (("fields", file.fields), ("metadata", file.metadata)):
        for field, source in _sources(declared).items():
            where = f"{table}.{field}"
            if bool(source.first) == bool(source.join):
                faults.append(f"{where} needs either first or join")
            if source.hash is not None and not _LEAST_DIGITS <= source.hash <= _MOST_DIGITS:
                faults.append(f"{where}: hash keeps {_LEAST_DIGITS} to {_MOST_DIGITS} hex digits, not {source.hash}")
            if source.only and table == "fields":
                faults.append(f"{where}: only is for metadata")
            faults += _unknown_columns(where, (*source.first, *source.join), columns)
    return [*faults, *_unknown_columns("timestamp.source", (file.timestamp.source,), columns)]


def _columns(file: _File) -> set[str] | None:
    """Return the columns that the mapping itself names, or None where only the recording does."""
    if file.format != "regex":
        return set(file.columns) or None
    try:
        return set(re.compile(file.pattern).groupindex)
    except re.error:
        return None


def _unknown_columns(where: str, paths: tuple[str, ...], columns: set[str] | None) -> list[str]:
    named = [path_steps(path)[0] for path in paths]
    return [
        f"{where}: there is no column {column!r}" for column in named if columns is not None and column not in columns
    ]


def _timestamp_faults(file: _File) -> list[str]:
    faults = []
    time = file.timestamp
    if time.format not in ("iso", "epoch_ms") and "%" not in time.format:
        faults.append(f"timestamp.format is {time.format!r}; give iso, epoch_ms or a strptime format")
    try:
        ZoneInfo(time.zone)
    except (ValueError, OSError, KeyError):
        faults.append(f"timestamp.zone is {time.zone!r}, which is no time zone")
    return faults
