"""A stand-in for Athena's API over HTTP that fails as it is told to: it answers one prepared query."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

QUERY_ID = "11111111-2222-3333-4444-555555555555"
PAGE = 2


@dataclass
class FakeAthena:
    """What it answers, and what it was asked.

    Attributes:
        states: of the query, one for each time it is looked at; the last one stays.
        throttled: operation -> how many calls of it are throttled first.
        columns: (name, type, precision, scale).
        asked: (operation, arguments), those that were throttled too.
    """

    states: list[str] = field(default_factory=lambda: ["SUCCEEDED"])
    reason: str | None = None
    scanned_bytes: int = 123
    columns: list[tuple[str, str, int, int]] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)
    throttled: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    url: str = ""

    def operations(self) -> list[str]:
        return [operation for operation, _ in self.asked]

    def answer(self, operation: str, arguments: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.asked.append((operation, arguments))
        if self.throttled.get(operation, 0):
            self.throttled[operation] -= 1
            return 400, {"__type": "ThrottlingException", "message": "Rate exceeded"}
        if operation == "StartQueryExecution":
            return 200, {"QueryExecutionId": QUERY_ID}
        if operation == "StopQueryExecution":
            return 200, {}
        if operation == "GetQueryExecution":
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            status = {"State": state} | ({"StateChangeReason": self.reason} if self.reason else {})
            statistics = {"DataScannedInBytes": self.scanned_bytes}
            return 200, {"QueryExecution": {"QueryExecutionId": QUERY_ID, "Status": status, "Statistics": statistics}}
        return 200, self._page(int(arguments.get("NextToken", "0")))

    def _page(self, start: int) -> dict[str, Any]:
        header: list[str | None] = [name for name, *_ in self.columns]
        rows = [header, *self.rows][start : start + PAGE]
        data = [{"Data": [{} if text is None else {"VarCharValue": text} for text in row]} for row in rows]
        described = [
            {"Name": name, "Type": kind, "Precision": precision, "Scale": scale}
            for name, kind, precision, scale in self.columns
        ]
        page: dict[str, Any] = {"ResultSet": {"Rows": data, "ResultSetMetadata": {"ColumnInfo": described}}}
        if start + PAGE < len(self.rows) + 1:
            page["NextToken"] = str(start + PAGE)
        return page


@contextmanager
def running(fake: FakeAthena) -> Iterator[FakeAthena]:
    """Serve it on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arguments = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = fake.answer(self.headers["X-Amz-Target"].rpartition(".")[2], arguments)
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
