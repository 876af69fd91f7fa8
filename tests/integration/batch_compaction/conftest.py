import os
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

from tests.integration.batch_compaction import dying
from tests.integration.batch_compaction.dying import Work
from tests.integration.batch_compaction.lakes import TestLake, make_settings

MakeLake = Callable[[], TestLake]
Kill = Callable[..., None]


@pytest.fixture(scope="module")
def make_lake(emulator: Any) -> Iterator[MakeLake]:
    """A function that makes a lake on the emulator, which every client talks to meanwhile."""

    def make() -> TestLake:
        lake = TestLake(make_settings(), dict(os.environ))
        lake.create()
        return lake

    with pytest.MonkeyPatch.context() as patched:
        for variable, value in emulator.environment.items():
            patched.setenv(variable, value)
        yield make


@pytest.fixture
def lake(make_lake: MakeLake) -> TestLake:
    return make_lake()


@pytest.fixture(scope="session")
def _fork_server() -> ForkServerContext:
    """Starts processes that have everything imported, from one that did nothing else."""
    context = ForkServerContext()
    context.set_forkserver_preload([dying.__name__])
    return context


@pytest.fixture
def kill(_fork_server: ForkServerContext, tmp_path: Path) -> Kill:
    """A function that has a process do some work on a lake, and be killed when a step of it begins."""

    def kill(lake: TestLake, work: Work, step: str, *arguments: str) -> None:
        log = tmp_path / "stderr"
        process = _fork_server.Process(target=dying.die, args=(lake, work, step, log, arguments))
        process.start()
        process.join()
        assert process.exitcode == -9, log.read_text()

    return kill
