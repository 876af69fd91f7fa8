"""Making a manifest: from the tables as they are published to the places where it is written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from analytics.published import open_published
from analytics.warehouse.manifest import ManifestReport, Span, files_in, hours_lines, hours_loaded, manifest_of
from analytics.warehouse.places import Place
from schemas.settings import Settings
from schemas.tables import HOURS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def make(
    settings: Settings,
    environment: Mapping[str, str],
    name: str,
    span: Span | None,
    as_of: datetime | None,
    place: Place,
    hours_place: Place | None,
    s3: S3Client | None,
) -> ManifestReport:
    """Write the manifest of a table's files, and the versions of the hours where there is a place for them.

    Versions are read before files. A run publishes facts first and versions after them, so a version is never newer
    than the file that it is written for; at worst the hour is loaded again without need.

    Args:
        settings: the deployment.
        environment: the process environment, for endpoints and credentials.
        name: of the table.
        span: the hours; None for all.
        as_of: the instant whose snapshot it is; None for now.
        place: of the manifest.
        hours_place: of the hours; only with a span.
        s3: a client, where a place is in S3.

    Raises:
        ConfigError: the table has no such hours.
        WorkFailedError: that time is not kept any more, or another writer left row deletes.
    """
    lines = None
    if hours_place is not None and span is not None:
        hours = open_published(settings, environment, as_of, [HOURS.name]).tables[HOURS.name]
        lines = hours_lines(hours_loaded(hours.dataset().to_table().to_pylist(), span))
    table = open_published(settings, environment, as_of, [name]).tables[name]
    files = files_in(table.definition, table.files, span)
    place.put(manifest_of(files), s3)
    if hours_place is not None and lines is not None:
        hours_place.put(lines, s3)
    return ManifestReport(
        table=name,
        snapshot_id=table.snapshot_id,
        files=len(files),
        rows=sum(file.rows for file in files),
        bytes=sum(file.size_bytes for file in files),
        out=place.address,
        hours_out=hours_place.address if hours_place else None,
    )
