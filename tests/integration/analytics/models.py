"""A lake of the tests and its models, and what these hold."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import duckdb

from analytics.modelling.dbt import DEFAULT_TARGET, Dbt
from analytics.modelling.running import ModelsReport, Run, models_schema, run_models
from schemas.event import ClickEvent
from schemas.instants import HOUR_US
from schemas.settings import Settings
from tests.integration.batch_compaction.lakes import event

# What a model's table tells of runs is not what it tells of events.
OF_RUNS = {"model_hours", "sessions_touched"}
_MINUTE_US = 60_000_000
_AGENTS = ("Firefox/145.0", "Googlebot/2.1", None)
_PAGES = ("https://shop.example/", "https://shop.example/sale?utm_source=x&utm_medium=cpc", "/relative?q=1", None)
_REFERRERS = ("https://www.google.com/", "https://shop.example/", "https://news.example/a", None)
_TYPES = ("page_view",) * 6 + ("add_to_cart", "checkout", "purchase", "search", "click", "signup", "wave")


@dataclass(frozen=True)
class Models:
    """The models of one deployment, in a folder of their own."""

    settings: Settings
    folder: Path

    @property
    def dbt(self) -> Dbt:
        return Dbt(DEFAULT_TARGET, self.folder)

    def manifest(self) -> dict[str, Any]:
        """Return what dbt knows of the project since it ran last."""
        read: dict[str, Any] = json.loads((self.dbt.folder / "manifest.json").read_text())
        return read

    def run(self, command: str = "run", *options: str) -> ModelsReport:
        work = Run(command, self.dbt, self.settings, os.environ, options)
        return run_models(work, lambda *_: None, lambda *_: None)

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = duckdb.connect(str(self.folder / "models.duckdb"))
        try:
            connection.execute(f"SET schema = '{models_schema(self.settings)}'")
            yield connection
        finally:
            connection.close()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.connection() as connection:
            found: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
            return found

    def execute(self, sql: str) -> None:
        with self.connection() as connection:
            connection.execute(sql)

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return model -> its rows, sorted; of the models that tell of events."""
        with self.connection() as connection:
            names = connection.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = ?",
                [models_schema(self.settings)],
            ).fetchall()
            return {
                name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr)
                for (name,) in names
                if name not in OF_RUNS
            }


def busy_hour(seed: int, hour_us: int, count: int = 60, users: int = 6) -> list[ClickEvent]:
    """Return events of an hour: of few users, so that visits reach over its ends, with all that models look at."""
    draw = Random(seed)
    return [_event(draw, f"{seed}-{number}", hour_us, users) for number in range(count)]


def _event(draw: Random, event_id: str, hour_us: int, users: int) -> ClickEvent:
    user = draw.randrange(users)
    kind = draw.choice(_TYPES)
    metadata = {"country": draw.choice(("DE", "FR"))} if draw.random() < 0.2 else {}
    if agent := _AGENTS[user % len(_AGENTS)]:
        metadata["user_agent"] = agent
    if kind == "purchase":
        metadata["amount_minor"] = draw.choice(("100", "2599", "12.5", "-40"))
        if currency := draw.choice(("EUR", "JPY", None)):
            metadata["currency"] = currency
    return event(
        event_id,
        hour_us=hour_us + draw.randrange(HOUR_US // _MINUTE_US // 2) * 2 * _MINUTE_US,
        user_id=f"u{user}",
        session_id=f"s{user}-{draw.randrange(2)}",
        event_type=kind,
        page_url=draw.choice(_PAGES),
        referrer_url=draw.choice(_REFERRERS),
        device_type=draw.choice(("mobile", None)),
        metadata=metadata,
    )
