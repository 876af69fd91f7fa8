"""Glue: an update that names a table version succeeds only on that version, and column statistics are kept.

The library ignores VersionId, the compare-and-swap on which every Iceberg commit relies, so that of two concurrent
commits one vanishes although both were acknowledged. Source: Glue API reference, UpdateTable.
"""

from __future__ import annotations

from threading import RLock
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult, EmptyResult
from moto.glue.models import GlueBackend
from moto.glue.responses import GlueResponse

from infra.local.mends.mend import Mend

_lock = RLock()
_update_table, _create_table = GlueResponse.update_table, GlueBackend.create_table


def _compare_and_update(response: Any) -> Any:
    asked = response.parameters
    expected = asked.get("VersionId")
    with _lock:
        current = response.glue_backend.get_table(asked["DatabaseName"], asked["TableInput"]["Name"]).as_dict()
        if expected is not None and expected != current["VersionId"]:
            raise JsonRESTError(
                "ConcurrentModificationException",
                f"table {current['Name']} is at version {current['VersionId']}, not at {expected}",
            )
        return _update_table(response)


def _create_table_alone(backend: Any, *args: Any, **kwargs: Any) -> Any:
    with _lock:
        return _create_table(backend, *args, **kwargs)


def _statistics(response: Any) -> dict[str, Any]:
    """Return column -> statistics of the table or partition that a request names; what it holds is kept."""
    asked = response.parameters
    table = response.glue_backend.get_table(asked["DatabaseName"], asked["TableName"])
    of_table: dict[tuple[str, ...], dict[str, Any]] = vars(table).setdefault("column_statistics", {})
    return of_table.setdefault(tuple(asked.get("PartitionValues", ())), {})


def _get_statistics(response: Any) -> Any:
    held = _statistics(response)
    columns = [held[name] for name in response.parameters["ColumnNames"] if name in held]
    return ActionResult({"ColumnStatisticsList": columns, "Errors": []})


def _update_statistics(response: Any) -> Any:
    _statistics(response).update({c["ColumnName"]: c for c in response.parameters["ColumnStatisticsList"]})
    return ActionResult({"Errors": []})


def _delete_statistics(response: Any) -> Any:
    _statistics(response).pop(response.parameters["ColumnName"], None)
    return EmptyResult()


MEND = Mend(
    "glue",
    (
        (GlueResponse, "update_table", _compare_and_update),
        (GlueBackend, "create_table", _create_table_alone),
        *(
            (GlueResponse, f"{verb}_column_statistics_for_{subject}", answer)
            for verb, answer in (
                ("get", _get_statistics),
                ("update", _update_statistics),
                ("delete", _delete_statistics),
            )
            for subject in ("table", "partition")
        ),
    ),
)
