"""What the questions of the cookbook read, as it was measured: a file of figures with their date. Pure.

`make bench-scan ARGS="--keep schemas/prices/scanned.json"` measures and writes it anew.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from datetime import date
from functools import cache
from importlib.resources import files

import msgspec

from schemas.errors import ConfigError

_SHIPPED = "scanned.json"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question of the cookbook.

    Attributes:
        is_of_one_day: it names a day, and not a month or nothing.
        bytes: that the engine read from S3 for it.
    """

    name: str
    is_of_one_day: bool
    bytes: int


class Scanned(msgspec.Struct, frozen=True, kw_only=True):
    """A measurement.

    Attributes:
        engine: what read them.
        events: of all days together.
        raw_bytes: that it read for `SELECT *` over the raw JSON of all days.
        plain_bytes: of the lines of the raw objects, not compressed.
        fact_files, fact_bytes: the current files of `fact_clicks`.
        table_bytes: the current files of all tables.
    """

    as_of: date
    engine: str
    days: int
    events: int
    raw_objects: int
    raw_bytes: int
    plain_bytes: int
    fact_files: int
    fact_bytes: int
    table_bytes: int
    questions: Sequence[Question]

    @property
    def least_ratio(self) -> float:
        """Of the questions of one day, how many times less than the raw JSON the dearest one reads."""
        return self.raw_bytes / max(question.bytes for question in self.questions if question.is_of_one_day)

    @property
    def bytes_per_event(self) -> float:
        """What a question of one day reads for each event of its day: the mean of these questions."""
        read = statistics.fmean(question.bytes for question in self.questions if question.is_of_one_day)
        return read / (self.events / self.days)

    def per_event(self) -> dict[str, float]:
        """Return what was measured as the names of `schemas.pricing.sizes.Assumptions`."""
        return {
            "raw_bytes_per_event_byte": self.raw_bytes / self.plain_bytes,
            "curated_bytes_per_event": self.table_bytes / self.events,
            "query_bytes_per_event": self.bytes_per_event,
        }


def read_scanned(content: bytes, origin: str) -> Scanned:
    """Return a measurement from its JSON.

    Args:
        content: JSON, what `make bench-scan` ends with or keeps.
        origin: its name, for errors.

    Raises:
        ConfigError: it is none, or nothing was read.
    """
    try:
        scanned = msgspec.json.decode(content, type=Scanned)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{origin} is no measurement of `make bench-scan`: {error}") from error
    counts = [scanned.days, scanned.events, scanned.raw_bytes, scanned.plain_bytes]
    counts += [question.bytes for question in scanned.questions]
    if min(counts) <= 0 or not any(question.is_of_one_day for question in scanned.questions):
        raise ConfigError(f"{origin} is of a measurement that read nothing")
    return scanned


@cache
def shipped_scanned() -> Scanned:
    """Return the measurement that is shipped."""
    return read_scanned((files("schemas") / "prices" / _SHIPPED).read_bytes(), _SHIPPED)
