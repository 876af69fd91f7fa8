"""The Trino of a local stack: started and stopped by commands, recorded in the state folder, used by those who ask.

`clickstream down` stops it with the stack, since it is in the same journal of processes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from infra.local.processes import journal, start_program, stop_journaled
from infra.local.stack import exclusive
from infra.local.state import TRINO, ProcessId, active_environment, is_alive, replace_file
from infra.local.trino.download import Tell
from infra.local.trino.installation import installed
from infra.local.trino.server import Trino, await_ready, is_ready, prepare, running_trino
from schemas.errors import ConfigError
from schemas.settings import state_dir_of


class Recorded(msgspec.Struct, frozen=True):
    """A server that was started, and the endpoint of the stack that it reads."""

    url: str
    process: ProcessId
    endpoint: str


def start(environment: Mapping[str, str], tell: Tell) -> tuple[bool, Trino]:
    """Start the server of the stack in force; return (whether it did not run already, the server).

    Raises:
        ConfigError: no stack runs here, or Trino was not fetched.
        WorkFailedError: it did not start.
    """
    state_dir = state_dir_of(environment)
    stack = active_environment(state_dir)
    if stack is None:
        raise ConfigError("there is no local stack that Trino could read: start it with `clickstream up`")
    with exclusive(state_dir):
        if found := at_hand(state_dir, stack):
            return False, found
        stop_journaled(state_dir, TRINO)
        folder = state_dir / TRINO
        shutil.rmtree(folder, ignore_errors=True)
        prepared = prepare({**environment, **stack}, installed(environment), folder)
        tell("starting Trino (half a minute) …")
        process = start_program(prepared.command, prepared.variables, prepared.log, name="Trino")
        journal(state_dir, TRINO, process)
        try:
            await_ready(prepared, lambda: is_alive(process))
        except BaseException:
            stop_journaled(state_dir, TRINO)
            raise
        recorded = Recorded(prepared.url, process, stack["AWS_ENDPOINT_URL"])
        replace_file(_record(state_dir), msgspec.json.encode(recorded))
        return True, Trino(prepared.url)


def stop(environment: Mapping[str, str]) -> bool:
    """Stop the server of this state folder; say whether one ran."""
    state_dir = state_dir_of(environment)
    if not state_dir.is_dir():
        return False
    with exclusive(state_dir):
        recorded = _read(state_dir)
        ran = recorded is not None and is_alive(recorded.process)
        stop_journaled(state_dir, TRINO)
        _record(state_dir).unlink(missing_ok=True)
        return ran


def at_hand(state_dir: Path, stack: Mapping[str, str]) -> Trino | None:
    """Return the server that runs for a stack, or None."""
    recorded = _read(state_dir)
    if recorded is None or recorded.endpoint != stack.get("AWS_ENDPOINT_URL") or not is_alive(recorded.process):
        return None
    return Trino(recorded.url) if is_ready(recorded.url) else None


def problem_of(environment: Mapping[str, str]) -> str | None:
    """Return why no server can be asked now, or None where one can."""
    state_dir = state_dir_of(environment)
    try:
        stack = active_environment(state_dir)
    except ConfigError as error:
        return str(error)
    if stack is None:
        return "there is no local stack: start it with `clickstream up`"
    if at_hand(state_dir, stack) is None:
        return "Trino does not run: start it with `clickstream trino up`"
    return None


@contextmanager
def trino_for(environment: Mapping[str, str], tell: Tell) -> Iterator[Trino]:
    """Give the server of the stack that the environment names; where none runs, one for as long as the context lasts.

    Raises:
        ConfigError: Trino was not fetched, or the environment names no emulated AWS.
        WorkFailedError: it did not start.
    """
    if found := at_hand(state_dir_of(environment), environment):
        yield found
        return
    with (
        TemporaryDirectory(prefix="clickstream-trino-") as folder,
        running_trino(environment, Path(folder), tell) as trino,
    ):
        yield trino


def _record(state_dir: Path) -> Path:
    return state_dir / TRINO / "trino.json"


def _read(state_dir: Path) -> Recorded | None:
    try:
        return msgspec.json.decode(_record(state_dir).read_bytes(), type=Recorded)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
