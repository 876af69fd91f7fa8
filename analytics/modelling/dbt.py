"""dbt over the project in this package, run in this process.

What is built and tested is the project's; this says where its files go, and makes of dbt's events and results what a
command tells. dbt writes nothing into the project: its folders lie in the state folder.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from schemas.errors import ConfigError, WorkFailedError
from schemas.settings import Settings, variable_of

PROJECT = Path(__file__).parents[1]
TARGETS = ("duckdb", "athena", "redshift")
DEFAULT_TARGET = "duckdb"
DATABASE_FILE = "models.duckdb"
DATABASE_VARIABLE = "CLICKSTREAM_MODELS_DUCKDB"
_GROUPS = {"duckdb": "models", "athena": "engines", "redshift": "engines"}
_PASSED = frozenset({"success", "pass", "no-op"})
_WARNED = "warn"
_SKIPPED = "skipped"


class Step(msgspec.Struct, frozen=True):
    """What became of one model, seed or test.

    Attributes:
        kind: model, seed, test or source.
        status: dbt's word for it: success, pass, warn, fail, error, skipped.
        failures: of a test, how many rows it found.
        message: what dbt says of it.
    """

    name: str
    kind: str
    status: str
    seconds: float
    failures: int | None
    message: str | None

    @property
    def is_failed(self) -> bool:
        """Whether it ended badly, or was left out for what ended badly."""
        return self.status not in (*_PASSED, _WARNED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an invocation of dbt did.

    Attributes:
        run_id: dbt's own id of it, as `model_hours` has it.
        steps: of what was built or tested, in order.
        lines: of `list`, what it lists.
    """

    run_id: str
    steps: list[Step] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Dbt:
    """dbt for one deployment and one engine.

    Attributes:
        target: one of TARGETS.
        state_dir: the folder for what dbt writes.
    """

    target: str
    state_dir: Path

    @property
    def folder(self) -> Path:
        """Where dbt's artifacts are: the manifest, the compiled statements, the documentation."""
        return self.state_dir / "dbt" / self.target

    @property
    def database(self) -> Path:
        """The DuckDB file of the models."""
        return self.state_dir / DATABASE_FILE

    def check(self) -> None:
        """Refuse what cannot run.

        Raises:
            ConfigError: there is no such target, or what it needs is not installed.
        """
        if self.target not in TARGETS:
            raise ConfigError(f"--target {self.target!r} is none of {', '.join(TARGETS)}")
        for name in ("dbt.cli.main", f"dbt.adapters.{self.target}"):
            try:
                is_there = importlib.util.find_spec(name) is not None
            except ModuleNotFoundError:
                is_there = False
            if not is_there:
                group = _GROUPS[self.target]
                raise ConfigError(
                    f"{name} is not installed, which the models need for {self.target}: "
                    f"`uv sync --group {group}` in a clone, or `pip install dbt-{self.target}`"
                )

    def invoke(
        self, *arguments: str, settings: Settings, on_step: Callable[[str, int, int], None] = lambda *_: None
    ) -> Outcome:
        """Run one command of dbt to its end.

        Args:
            arguments: the command and its options, but for those that name folders.
            settings: the deployment.
            on_step: is told the name of what is begun, its number from 1, and how many there are.

        Raises:
            WorkFailedError: dbt could not do its work at all; what a model or test found is in the outcome.
        """
        from dbt.cli.main import dbtRunner

        run_ids: list[str] = []

        def on_event(event: Any) -> None:
            if not run_ids:
                run_ids.append(event.info.invocation_id)
            if event.info.name == "LogStartLine":
                on_step(event.data.node_info.node_name, event.data.index, event.data.total)

        variables = {DATABASE_VARIABLE: str(self.database)} | {
            variable_of(name): getattr(settings, name) for name in ("database", "raw_database", "curated_bucket")
        }
        folders = ("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT))
        made = ("--target-path", str(self.folder), "--log-path", str(self.state_dir / "dbt" / "logs"))
        with _given(variables):
            done = dbtRunner(callbacks=[on_event]).invoke(
                [
                    "--log-level",
                    "none",
                    "--log-level-file",
                    "info",
                    *arguments,
                    "--target",
                    self.target,
                    *folders,
                    *made,
                ]
            )
        if done.exception is not None:
            raise WorkFailedError(f"dbt {arguments[0]}: {done.exception}") from done.exception
        return _outcome(run_ids[0], done.result)


@contextmanager
def _given(variables: Mapping[str, str]) -> Iterator[None]:
    """Give variables to this process for as long as dbt reads them."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _outcome(run_id: str, result: Any) -> Outcome:
    """Return an outcome, of whichever of its results dbt gave."""
    if isinstance(result, list):
        return Outcome(run_id, lines=[str(line) for line in result])
    return Outcome(run_id, steps=_steps(getattr(result, "results", [])))


def _steps(results: Iterable[Any]) -> list[Step]:
    return [
        Step(
            name=result.node.name,
            kind=str(result.node.resource_type),
            status=str(result.status),
            seconds=round(result.execution_time, 3),
            failures=getattr(result, "failures", None),
            message=getattr(result, "message", None),
        )
        for result in results
    ]
