"""What a rendered file leaves to its reader: the deployment's names, and the hours and the moment that it is about.

The files of `analytics/sql` are rendered with `EXAMPLE`; `clickstream sql show` renders them with a deployment's own.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.instants import DAY_US, HOUR_US, parse_instant_us, us_to_datetime


@dataclass(frozen=True, slots=True)
class Blanks:
    """Values for the blanks of every file.

    Attributes:
        raw_bucket: the bucket of the raw objects.
        curated_bucket: the bucket of the tables.
        database: the Glue database of the Iceberg tables.
        raw_database: the Glue database of the tables over JSON lines.
        role: the ARN of the role by which Redshift reads the lake; `default` is the namespace's own.
        from_us: the first hour that a file is about, in microseconds.
        to_us: the hour before which it ends, in microseconds.
        as_of_us: the moment that a file looks back to, in microseconds.
    """

    raw_bucket: str = "RAW_BUCKET"
    curated_bucket: str = "CURATED_BUCKET"
    database: str = "clickstream"
    raw_database: str = "clickstream_raw"
    role: str = "default"
    from_us: int = parse_instant_us("2026-11-24T00:00:00Z")
    to_us: int = parse_instant_us("2026-11-25T00:00:00Z")
    as_of_us: int = parse_instant_us("2026-11-25T06:00:00Z")

    @property
    def hours(self) -> range:
        """The starts of the hours, in microseconds."""
        return range(self.from_us, self.to_us, HOUR_US)

    @property
    def role_sql(self) -> str:
        """The role as `IAM_ROLE` takes it."""
        return self.role if self.role == "default" else f"'{self.role}'"


EXAMPLE = Blanks()


def timestamp_sql(instant_us: int) -> str:
    """Return the literal of a whole second, in UTC, of a timestamp without a zone."""
    return f"TIMESTAMP '{us_to_datetime(instant_us):%Y-%m-%d %H:%M:%S}'"


def days_sql(blanks: Blanks, table: str = "") -> str:
    """Return a condition on year, month and day that is true for each day that has some of the hours.

    For an engine that finds its files by the partitions: it never says less than the hours themselves.

    Args:
        blanks: the hours.
        table: the alias of the table, with its point.
    """
    spans: dict[tuple[int, int], list[int]] = {}
    for day_us in range(blanks.from_us - blanks.from_us % DAY_US, blanks.to_us, DAY_US):
        day = us_to_datetime(day_us)
        spans.setdefault((day.year, day.month), []).append(day.day)
    terms = [
        f"({table}year = {year} AND {table}month = {month} AND {table}day {_span(days)})"
        for (year, month), days in spans.items()
    ]
    return terms[0] if len(terms) == 1 else f"({' OR '.join(terms)})"


def _span(days: list[int]) -> str:
    return f"= {days[0]}" if len(days) == 1 else f"BETWEEN {days[0]} AND {days[-1]}"
