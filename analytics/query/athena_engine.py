"""Answers by Athena: a query is started, waited for, stopped where the caller gives up, and read page by page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analytics.query.explanation import billed_bytes
from analytics.query.outcome import Outcome
from analytics.query.result_types import arrow_type, read_text, table_of
from schemas.errors import WorkFailedError

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient

CATALOG = "AwsDataCatalog"
# Source: Athena user guide, "Service Quotas": a DML query runs for 30 minutes at most, beside its time in the queue.
_PATIENCE_S = 3600.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 3.0
_PAGE_ROWS = 1000
# State of the query, bytes that it has scanned so far.
Tell = Callable[[str, int], None]


class _EndedError(WorkFailedError):
    """The query has ended by itself: there is nothing left to stop."""


@dataclass(frozen=True, slots=True)
class Athena:
    """Where queries are asked.

    Attributes:
        client: which retries what is throttled, within its own bound.
        workgroup: it has the place of the results.
        sleep: waits for seconds.
    """

    client: AthenaClient
    workgroup: str
    database: str
    tell: Tell
    sleep: Callable[[float], None] = time.sleep

    def answer(self, sql: str) -> Outcome:
        """Return the rows of a query.

        Raises:
            WorkFailedError: it failed, was cancelled, or did not end; the message has Athena's reason.
        """
        query_id = self.client.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": self.database, "Catalog": CATALOG},
            WorkGroup=self.workgroup,
        )["QueryExecutionId"]
        with self._stopped_unless_done(query_id):
            statistics = self._wait(query_id)
        scanned = int(statistics.get("DataScannedInBytes", 0))
        names, types, rows = self._results(query_id)
        return Outcome(table_of(names, types, rows), scanned, billed_bytes(scanned), query_id)

    def _wait(self, query_id: str) -> dict[str, Any]:
        pause, waited = _FIRST_PAUSE_S, 0.0
        while True:
            execution = self.client.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            state = execution["Status"]["State"]
            statistics: dict[str, Any] = dict(execution.get("Statistics", {}))
            self.tell(state, int(statistics.get("DataScannedInBytes", 0)))
            if state == "SUCCEEDED":
                return statistics
            if state in ("FAILED", "CANCELLED"):
                raise _EndedError(f"Athena's query {query_id} {_reason(execution['Status'])}")
            if waited >= _PATIENCE_S:
                raise WorkFailedError(f"Athena's query {query_id} has not ended after {waited:.0f} s and was stopped")
            self.sleep(pause)
            waited += pause
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)

    @contextmanager
    def _stopped_unless_done(self, query_id: str) -> Iterator[None]:
        """Stop the query where whatever waits for it ends before it does: by Ctrl-C, an error, or out of patience."""
        try:
            yield
        except _EndedError:
            raise
        except BaseException:
            self.client.stop_query_execution(QueryExecutionId=query_id)
            raise

    def _results(self, query_id: str) -> tuple[list[str], list[str], Sequence[Sequence[Any]]]:
        names: list[str] = []
        types: list[str] = []
        rows: list[list[Any]] = []
        arguments: dict[str, Any] = {"QueryExecutionId": query_id, "MaxResults": _PAGE_ROWS}
        is_first = True
        while True:
            page = self.client.get_query_results(**arguments)
            found = page["ResultSet"]["Rows"]
            if is_first:
                columns = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
                names = [column["Name"] for column in columns]
                types = [_type_of(column) for column in columns]
                # The first row of a SELECT repeats the names.
                if found and [datum.get("VarCharValue") for datum in found[0]["Data"]] == names:
                    found = found[1:]
                is_first = False
            kinds = list(map(arrow_type, types))
            rows += [
                [read_text(datum.get("VarCharValue"), kind) for datum, kind in zip(row["Data"], kinds, strict=True)]
                for row in found
            ]
            if not (token := page.get("NextToken")):
                return names, types, rows
            arguments["NextToken"] = token


def _type_of(column: Any) -> str:
    name: str = column["Type"]
    return f"decimal({column['Precision']}, {column['Scale']})" if name == "decimal" else name


def _reason(status: Any) -> str:
    ended = {"FAILED": "failed", "CANCELLED": "was cancelled"}[status["State"]]
    told = status.get("StateChangeReason") or status.get("AthenaError", {}).get("ErrorMessage")
    return f"{ended}: {told}" if told else f"{ended}, and Athena gives no reason"
