"""Holds the AWS calls of the tests' programs against the file that the roles' policies are held against.

A test that makes a call which is not in the file fails. A whole run tells at its end which calls of the file nobody
made: some depend on what comes first, so that is no failure; to record anew drops them. That each call of the file
stands in the source of its package is held by a contract test. A run of some tests says nothing of what is missing.
Property tests do not count, since what they draw is another every time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.aws_calls import known, recorder

_OPTION = "--record-aws-calls"
_OUTPUT = "aws_calls"
_DRAWN = "tests/property/"
_NOT_WHOLE = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "failedfirst", "stepwise", "maxfail")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        _OPTION, action="store_true", help=f"write {known.FILE.name} anew; some tests alone only add to it"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Calls(config), "aws-calls")


class _Calls:
    """The calls of one session; with xdist, of a worker, or in the controller those of all workers."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._is_recording = bool(config.getoption(_OPTION))
        self._known = known.read() if known.FILE.exists() else {}
        self._calls: set[recorder.Call] = set()
        self._folder: TemporaryDirectory[str] | None = None
        self._read_bytes = 0
        self._is_whole = True
        self._complaints: list[str] = []
        self._unmade: list[str] = []

    def pytest_sessionstart(self) -> None:
        # A run of pytest inside of a test is recorded already, by the one outside.
        if recorder.VARIABLE not in os.environ and not self._has_workers():
            self._folder = TemporaryDirectory(prefix="aws-calls-")
            recorder.install(Path(self._folder.name) / "calls")

    def _has_workers(self) -> bool:
        return bool(self._config.getoption("tx", None)) and not hasattr(self._config, "workerinput")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        yield
        calls = self._new_calls()
        if item.nodeid.startswith(_DRAWN):
            return
        self._calls |= calls
        unknown = known.beyond(known.known_of(calls), self._known)
        if unknown and not self._is_recording:
            pytest.fail("\n".join([f"not in {known.FILE.name}:", *unknown, known.HOW_TO_RECORD]), pytrace=False)

    def _new_calls(self) -> set[recorder.Call]:
        if self._folder is None:
            return set()
        with (Path(self._folder.name) / "calls").open("rb") as file:
            file.seek(self._read_bytes)
            lines = file.read()
        self._read_bytes += len(lines)
        return recorder.parse(lines.decode()) - self._calls

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._is_whole = False

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        output = getattr(node, "workeroutput", {})
        if _OUTPUT not in output:
            self._is_whole = False
        self._calls |= {recorder.Call(*call) for call in output.get(_OUTPUT, ())}

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        # What processes asked for while they were ended, after the last test.
        last = self._new_calls()
        self._calls |= last
        late = known.beyond(known.known_of(last), self._known)
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[_OUTPUT] = [list(call) for call in self._calls]
            return
        found = known.known_of(self._calls)
        is_whole = self._is_whole and self._is_everything_asked_for() and not session.shouldstop
        if self._is_recording:
            known.write(found if is_whole else known.merged(found, self._known))
            return
        if late:
            self._complaints += [f"not in {known.FILE.name}:", *late]
        if is_whole and session.exitstatus == pytest.ExitCode.OK and (unmade := known.beyond(self._known, found)):
            self._unmade = unmade
        if self._complaints:
            self._complaints.append(known.HOW_TO_RECORD)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _is_everything_asked_for(self) -> bool:
        is_narrowed = any(self._config.getoption(name, None) for name in _NOT_WHOLE)
        return self._config.args_source == pytest.Config.ArgsSource.TESTPATHS and not is_narrowed

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._unmade:
            terminalreporter.section(f"AWS calls of {known.FILE.name} that no test made", yellow=True)
            for line in [*self._unmade, known.HOW_TO_RECORD]:
                terminalreporter.write_line(line)
        if self._complaints:
            terminalreporter.section("AWS calls", red=True, bold=True)
            for line in self._complaints:
                terminalreporter.write_line(line)
