"""One run of the models: the sources as they are now, dbt over them, and what it did, for a person or a program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from analytics.modelling.dbt import DEFAULT_TARGET, Dbt, Outcome, Step
from analytics.modelling.mirror import Mirror, connect, open_sources, refresh
from schemas.errors import ConfigError
from schemas.settings import Settings

MIRROR_FOLDER = "mirror"
_TESTS = frozenset({"test", "unit_test", "source"})
# What a user means by the name: dbt's own `run` leaves out the seeds, without which the first one fails.
_COMMANDS = {
    "run": ("build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"),
    "test": ("test",),
    "build": ("build",),
}
OnStep = Callable[[str, int, int], None]


class ModelsReport(msgspec.Struct, frozen=True):
    """What a command of the models did.

    Attributes:
        database: where the models are.
        mirrored: files of the sources that were copied for it; None where the engine reads the sources itself.
        models: the models and seeds that were built, in order.
        tests: the tests that were made.
        hours: model -> how many hours it computed anew; of the models that are kept hour by hour.
        failed: names of what failed, and of what was left out for it.
    """

    command: str
    target: str
    database: str
    mirrored: int | None
    models: list[Step]
    tests: list[Step]
    hours: dict[str, int]
    failed: list[str]
    warned: list[str]


@dataclass(frozen=True, slots=True)
class Run:
    """What to run.

    Attributes:
        command: run, test or build.
        options: of dbt, for that command.
    """

    command: str
    dbt: Dbt
    settings: Settings
    environment: Mapping[str, str]
    options: tuple[str, ...] = ()


def models_schema(settings: Settings) -> str:
    """Return the name of the database, or schema, that holds the models."""
    return f"{settings.database}_models"


def mirror_sources(run: Run, on_copied: Callable[[int, int], None] = lambda *_: None) -> Mirror | None:
    """Bring the copies of the sources up to date, where the engine reads copies."""
    if run.dbt.target != DEFAULT_TARGET:
        return None
    tables = open_sources(run.settings, run.environment)
    folder: Path = run.dbt.state_dir / MIRROR_FOLDER
    return refresh(tables, folder, run.dbt.database, run.settings.database, on_copied)


def run_models(run: Run, on_copied: Callable[[int, int], None], on_step: OnStep) -> ModelsReport:
    """Build models, test them, or both.

    Raises:
        ConfigError: the target is none or is not installed, or nothing is selected.
        WorkFailedError: the sources cannot be read, or dbt cannot begin.
    """
    run.dbt.check()
    mirror = mirror_sources(run, on_copied)
    outcome = run.dbt.invoke(*_COMMANDS[run.command], *run.options, settings=run.settings, on_step=on_step)
    if not outcome.steps:
        raise ConfigError(f"nothing to {run.command} is selected: `clickstream models list` names all there is")
    steps = outcome.steps
    if run.command == "test" and not run.options:
        steps = [*steps, *run.dbt.invoke("source", "freshness", settings=run.settings, on_step=on_step).steps]
    is_test = [step.kind in _TESTS for step in steps]
    return ModelsReport(
        command=run.command,
        target=run.dbt.target,
        database=str(run.dbt.database) if run.dbt.target == DEFAULT_TARGET else models_schema(run.settings),
        mirrored=mirror.copied if mirror else None,
        models=[step for step, is_one in zip(steps, is_test, strict=True) if not is_one],
        tests=[step for step, is_one in zip(steps, is_test, strict=True) if is_one],
        hours=_hours(run, outcome) if mirror else {},
        failed=[step.name for step in steps if step.is_failed],
        warned=[step.name for step in steps if step.status == "warn"],
    )


def _hours(run: Run, outcome: Outcome) -> dict[str, int]:
    """Return model -> hours that this run computed anew; none before the first build."""
    connection = connect(run.dbt.database)
    try:
        schema = models_schema(run.settings)
        is_there = connection.execute(
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = ? AND table_name = 'model_hours'",
            [schema],
        ).fetchone()
        if is_there is None or not is_there[0]:
            return {}
        rows = connection.execute(
            f'SELECT model_name, count(*) FROM "{schema}".model_hours '  # noqa: S608 - a name that the settings bound
            "WHERE run_id = ? AND is_done = 1 GROUP BY model_name ORDER BY model_name",
            [outcome.run_id],
        ).fetchall()
        return {str(name): int(count) for name, count in rows}
    finally:
        connection.close()
