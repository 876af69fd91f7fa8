"""The tables of simulated traffic on emulated AWS, and Trino beside it: what the tests of real engines share.

They take minutes and what is fetched once, so they run only where `make test-engines` asks for them.
"""

from __future__ import annotations

import gzip
import os
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from analytics.athena.applying import apply
from analytics.athena.changes import OnTrino
from analytics.athena.statements import steps_of
from infra.local.trino.server import Trino
from producers.shop.simulation import simulate
from producers.shop.visitors import Visitors
from schemas import hive
from schemas.codec import encode
from schemas.instants import HOUR_US, parse_instant_us
from schemas.lake import RAW_PREFIX, hour_folder
from schemas.settings import Settings, load_settings
from tests.conftest import LocalStack

ASKED_BY = "CLICKSTREAM_TEST_ENGINES"
EVENTS, USERS, SEED = 20_000, 1_500, 11
# Three days in the middle of which midnight falls thrice.
END = "2026-11-24T12:00:00Z"
SPAN_HOURS = 72
BROKEN = (b"{broken", b"", b"[1]", b'{"user_id": "u"}', b'{"event_id": "x", "user_id": "", "session_id": "s"}')


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not os.environ.get(ASKED_BY):
        here = Path(__file__).parent
        for item in items:
            if item.path.is_relative_to(here):
                item.add_marker(pytest.mark.skip(reason="run by `make test-engines`"))


@dataclass(frozen=True)
class Engine:
    """Trino on the tables of a local stack.

    Attributes:
        environ: the `AWS_*` and `CLICKSTREAM_*` variables of the stack.
        settings: of the stack.
        state_dir: its state folder.
    """

    trino: Trino
    environ: dict[str, str]
    settings: Settings
    state_dir: Path

    def cursor(self, database: str | None = None) -> Any:
        """Return a cursor for statements in Trino's own dialect; unqualified names are tables of the database."""
        return self.trino.connect(database or self.settings.database).cursor()

    def rows(self, sql: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a statement in Athena's dialect."""
        return self.scanned(sql, database)[0]

    def scanned(self, sql: str, database: str | None = None) -> tuple[list[tuple[Any, ...]], int]:
        """Return (the rows of a statement in Athena's dialect, how many bytes it read from S3)."""
        rows: list[tuple[Any, ...]] = []
        scanned_bytes = 0
        for step in steps_of(sql, database or self.settings.database):
            if isinstance(step, OnTrino):
                cursor = self.cursor(database)
                rows = [tuple(row) for row in cursor.execute(step.sql).fetchall()]
                scanned_bytes += int(cursor.stats["physicalInputBytes"])
            else:
                rows = apply(step, self.client("glue"))
        return rows, scanned_bytes

    def client(self, service: str) -> Any:
        """Return a boto3 client of the stack."""
        return LocalStack(self.state_dir, self.environ).client(service)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Trino on tables of simulated traffic: three days of it, with repeated, late and broken lines, all published."""
    from infra.local.front_door import FrontDoor
    from infra.local.stack import Options, down, start_emulator
    from infra.local.trino.server import running_trino

    state_dir = tmp_path_factory.mktemp("engines")
    try:
        environ = start_emulator(state_dir, Options()).environment
        put_traffic(LocalStack(state_dir, environ), environ["CLICKSTREAM_RAW_BUCKET"])
        with pytest.MonkeyPatch.context() as patched:
            for variable, value in environ.items():
                patched.setenv(variable, value)
            door = FrontDoor(state_dir, is_quiet=True, keeps_settings=True)
            door.run("compact", "--all")
            door.run("enrich")
        with running_trino({**os.environ, **environ}, tmp_path_factory.mktemp("trino"), print) as trino:
            engine = Engine(trino, environ, load_settings(environ, state_dir), state_dir)
            for sql in (
                hive.raw_view_sql(engine.settings.raw_database),
                hive.alerts_view_sql(engine.settings.raw_database),
            ):
                engine.rows(sql)
            yield engine
    finally:
        down(state_dir)


@pytest.fixture
def engine_variables(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Puts the stack's variables into the environment of this process, for as long as the test lasts."""
    for variable, value in engine.environ.items():
        monkeypatch.setenv(variable, value)
    return engine.environ


def put_traffic(stack: LocalStack, bucket: str) -> None:
    """Put the events into the raw bucket as Firehose does, an object an hour, with what goes wrong in life."""
    rng = random.Random(SEED)
    arrivals: defaultdict[int, list[bytes]] = defaultdict(list)
    visitors = Visitors(EVENTS, USERS, parse_instant_us(END), SPAN_HOURS * HOUR_US, crawlers=0.02)
    for event in simulate(visitors, SEED):
        line, hour_us = encode(event), event.event_timestamp_us // HOUR_US * HOUR_US
        arrivals[hour_us].append(line)
        if rng.random() < 0.01:  # sent twice
            arrivals[hour_us].append(line)
        if rng.random() < 0.005:  # and once more, an hour late
            arrivals[hour_us + HOUR_US].append(line)
    s3 = stack.client("s3")
    for hour_us, lines in arrivals.items():
        body = gzip.compress(b"".join(line + b"\n" for line in (*lines, *BROKEN)), mtime=0)
        s3.put_object(Bucket=bucket, Key=f"{RAW_PREFIX}{hour_folder(hour_us)}events.json.gz", Body=body)
