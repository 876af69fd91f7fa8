"""One question, and how each engine is asked it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import ConfigError
from schemas.settings import Settings
from schemas.tables import TABLE_NAMES

if TYPE_CHECKING:
    from analytics.query.explanation import Explanation
    from analytics.query.outcome import Outcome
    from analytics.query.translation import Translation
    from analytics.query.trino_engine import RunTrino

# What a statement that only asks begins with.
_QUESTIONS = frozenset({"SELECT", "WITH", "VALUES", "SHOW", "DESCRIBE", "("})


@dataclass(frozen=True, slots=True)
class Question:
    """A SELECT in Athena's dialect, and whom it is for.

    Attributes:
        sql: the SELECT.
        engine: duckdb, trino or athena.
        as_of: the moment whose tables are read; None for now.
        environ: the process environment.
        workgroup: Athena's; None for the one that is called as the database.
        trino_url: of a Trino that runs.
        run_trino: runs one where none does.
    """

    sql: str
    engine: str
    as_of: datetime | None
    settings: Settings
    state_dir: Path
    environ: Mapping[str, str]
    workgroup: str | None = None
    trino_url: str | None = None
    run_trino: RunTrino | None = None

    def answer(self) -> Outcome:
        """Return the rows, and what they took.

        Raises:
            ConfigError: the query, or what the engine needs, is at fault.
            WorkFailedError: the engine failed.
        """
        if self.engine == "duckdb":
            return self._by_duckdb()
        return self._by_engine(self._sql_at_time())

    def explain(self) -> Explanation | str:
        """Return what answering would read and cost; of Trino and Athena, their plan."""
        if self.engine == "duckdb":
            from analytics.published import open_published
            from analytics.query.explanation import explain
            from schemas.pricing.prices import shipped_prices

            query = self._translated()
            published = open_published(self.settings, self.environ, self.as_of, query.tables)
            return explain(query, published, datetime.now(UTC), shipped_prices())
        rows = self._by_engine(f"EXPLAIN {self._sql_at_time()}").rows
        return "\n".join(str(row) for row in rows.column(0).to_pylist())

    def _translated(self) -> Translation:
        from analytics.query.models_file import translate_with_models

        query = translate_with_models(self.sql, self.settings.database, self.state_dir)
        if query.models and self.as_of is not None:
            raise ConfigError("--as-of is for the published tables: models are as they were built last")
        return query

    def _by_duckdb(self) -> Outcome:
        from analytics.published import open_published
        from analytics.query.duckdb_engine import answer
        from analytics.query.explanation import files_of
        from analytics.query.outcome import Outcome

        query = self._translated()
        published = open_published(self.settings, self.environ, self.as_of, query.tables)
        files = files_of(query, published, datetime.now(UTC))
        datasets = {name: table.dataset(files[name]) for name, table in published.tables.items()}
        rows = answer(query, self.settings.database, datasets, self.state_dir)
        return Outcome(rows, sum(file.size_bytes for chosen in files.values() for file in chosen))

    def _sql_at_time(self) -> str:
        from analytics.athena.changes import OnTrino
        from analytics.athena.statements import steps_of

        word = re.match(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*([A-Za-z]+|\()", self.sql, re.DOTALL)
        if word is None or word[1].upper() not in _QUESTIONS:
            raise ConfigError("one SELECT is answered at a time, and nothing else")
        # What Trino takes and Athena does not is refused for both.
        steps = steps_of(self.sql, self.settings.database)
        if self.as_of is None:
            if self.engine == "athena":
                return self.sql.strip().rstrip(";")
            if len(steps) != 1 or not isinstance(steps[0], OnTrino):
                raise ConfigError("this is asked of Glue, not of Trino: ask with --engine athena")
            return steps[0].sql
        from analytics.query.as_of import at_time

        return at_time(self.sql, self.settings.database, TABLE_NAMES, self.as_of)

    def _by_engine(self, sql: str) -> Outcome:
        if self.engine == "athena":
            return self._by_athena(sql)
        from analytics.query.trino_engine import answer

        with self._trino() as url:
            return answer(url, sql, self.settings.database)

    @contextmanager
    def _trino(self) -> Iterator[str]:
        if self.trino_url is not None:
            yield self.trino_url
        elif self.run_trino is None:
            raise ConfigError(
                "no Trino can be run here: give the address of one by --trino-url or CLICKSTREAM_TRINO_URL"
            )
        else:
            with self.run_trino(lambda line: print(line, file=sys.stderr)) as server:  # noqa: T201
                yield server.url

    def _by_athena(self, sql: str) -> Outcome:
        import boto3
        from botocore.config import Config
        from rich.console import Console

        from analytics.query.athena_engine import Athena

        client = boto3.client("athena", config=Config(retries={"mode": "standard", "total_max_attempts": 8}))
        with Console(stderr=True).status("asking Athena …") as status:

            def tell(state: str, scanned: int) -> None:
                status.update(f"Athena: {state.lower()}, {scanned:,} bytes scanned")

            workgroup = self.workgroup or self.settings.database
            return Athena(client, workgroup, self.settings.database, tell).answer(sql)
