"""Rows of the published tables, by the catalog in Glue, as any engine of Iceberg reads them.

Reads a file at a time and a large one in slices of its hour, so that what is held does not grow with a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import boto3
import pyarrow as pa
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions.parser import parse
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.table import FileScanTask

from schemas.instants import HOUR_US, us_to_timestamp
from schemas.lake import hour_of_partition
from schemas.tables import HOUR_PARTITION, Table

_SLICE_ROWS = 250_000


class LakeReader:
    """The tables of one database; region, endpoints and credentials are the environment's."""

    def __init__(self, database: str, environment: Mapping[str, str]) -> None:
        properties: dict[str, Any] = {"client.region": boto3.Session().region_name or "us-east-1"}
        # Arrow's S3 client does not read the variable.
        if endpoint := environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL"):
            properties["s3.endpoint"] = endpoint
        self._catalog = GlueCatalog("glue", client=None, **properties)
        self._database = database

    def rows(self, table: Table, columns: Sequence[str], where: str | None) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the current snapshot, none of a table that is not there.

        Args:
            table: which.
            columns: their names.
            where: the condition that the rows fulfil; None for all.
        """
        try:
            iceberg = self._catalog.load_table((self._database, table.name))
        except NoSuchTableError:
            return
        scan = iceberg.scan(where or "true", selected_fields=tuple(columns))
        for task in scan.plan_files():
            for part in _slices(table, task):
                condition = " and ".join(f"({one})" for one in (where, part) if one) or "true"
                reader = ArrowScan(iceberg.metadata, iceberg.io, scan.projection(), parse(condition))
                for batch in reader.to_record_batches([task]):
                    yield batch.select(list(columns))


def _slices(table: Table, task: FileScanTask) -> Iterator[str | None]:
    """Yield conditions that each row of a file fulfils exactly one of."""
    count = task.file.record_count // _SLICE_ROWS + 1
    if count == 1 or table.order[0] != "event_timestamp":
        yield None
        return
    hour_us = hour_of_partition(tuple(task.file.partition[place] for place in range(len(HOUR_PARTITION))))
    cuts = [us_to_timestamp(hour_us + HOUR_US * place // count).isoformat() for place in range(1, count)]
    # The first and the last one are open, for rows that should not be in this hour.
    yield f"event_timestamp < '{cuts[0]}'"
    for begin, end in pairwise(cuts):
        yield f"event_timestamp >= '{begin}' and event_timestamp < '{end}'"
    yield f"event_timestamp >= '{cuts[-1]}'"
