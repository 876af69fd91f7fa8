"""What Terraform and checkov answered, from their JSON. Pure.

An answer that is not understood is no pass: whoever asks judges by the exit code too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_Json = Mapping[str, Any]
# Of a test: the file, and the run in it.
_Run = tuple[str, str]


@dataclass(frozen=True, slots=True)
class TestAnswer:
    """What `terraform test -json -verbose` said.

    Attributes:
        passed: runs that passed.
        failed: runs that failed, broke off or were passed over for that.
        text: what is wrong, for a person.
        states: the state after each run that applied, as `terraform show -json` has its values.
    """

    __test__ = False  # no test of pytest's

    passed: int
    failed: int
    text: str
    states: tuple[_Json, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that checkov found, or was told to pass over.

    Attributes:
        path: the file, relative to the folder that was looked at.
        check_id: like `CKV_AWS_26`.
        text: for a person.
    """

    path: str
    check_id: str
    text: str


@dataclass(frozen=True, slots=True)
class CheckovAnswer:
    """What checkov said.

    Attributes:
        passed: how many checks of resources passed.
        failed: what did not.
        skipped: what was passed over because the source says so.
        unparsed: files that it could not read.
    """

    passed: int
    failed: tuple[Finding, ...]
    skipped: tuple[Finding, ...]
    unparsed: tuple[str, ...]


def test_answer(output: str) -> TestAnswer:
    """Return what the lines of `terraform test -json -verbose` say."""
    summary: _Json = {}
    states: list[_Json] = []
    told: dict[str, _Run] = {}
    passed: set[_Run] = set()
    for message in _messages(output):
        run = (message.get("@testfile", ""), message.get("@testrun", ""))
        match message.get("type"):
            case "test_summary":
                summary = message["test_summary"]
            case "test_state":
                states.append(message["test_state"])
            case "test_run" if message["test_run"].get("status") == "pass":
                passed.add(run)
            case "diagnostic" if message["diagnostic"]["severity"] == "error":
                told[diagnostic_text(message["diagnostic"], run[1])] = run
    failed = sum(summary.get(key, 0) for key in ("failed", "errored", "skipped"))
    # An error that a run expects is told like any other.
    text = "\n".join(text for text, run in told.items() if run not in passed)
    return TestAnswer(summary.get("passed", 0), failed, text, tuple(states))


test_answer.__test__ = False  # type: ignore[attr-defined]  # no test of pytest's


def validate_text(output: str) -> str:
    """Return the errors and warnings that `terraform validate -json` names, for a person."""
    found = json.loads(output)["diagnostics"] if output.startswith("{") else []
    return "\n".join(diagnostic_text(each) for each in found if not _is_override(each)) or output


def diagnostic_text(diagnostic: _Json, run: str = "") -> str:
    """Return a diagnostic as lines: where and what, the detail, and the source that it is about."""
    place = diagnostic.get("range") or {}
    where = f"{place['filename']}:{place['start']['line']}: " if place else ""
    in_run = f'run "{run}": ' if run else ""
    lines = [f"{where}{in_run}{diagnostic['severity']}: {diagnostic['summary']}"]
    lines += [f"    {line}" for line in diagnostic.get("detail", "").splitlines() if line]
    snippet = diagnostic.get("snippet") or {}
    lines += [f"    | {line}" for line in snippet.get("code", "").splitlines()[:8]]
    lines += [f"    | {value['traversal']} {value['statement']}" for value in snippet.get("values") or ()]
    return "\n".join(lines)


def checkov_answer(output: str) -> CheckovAnswer:
    """Return what `checkov --output json` says.

    Raises:
        ValueError: it is no such answer.
    """
    report = json.loads(output)
    if isinstance(report, list):
        [report] = report
    if "results" not in report:
        # What it says where there was nothing to look at.
        return CheckovAnswer(int(report["passed"]), (), (), ())
    results = report["results"]
    return CheckovAnswer(
        passed=int(report["summary"]["passed"]),
        failed=tuple(_findings(results["failed_checks"])),
        skipped=tuple(_findings(results["skipped_checks"])),
        unparsed=tuple(results["parsing_errors"]),
    )


def _findings(checks: Iterable[_Json]) -> Iterator[Finding]:
    for check in checks:
        path = check["file_path"].lstrip("/")
        line = check["file_line_range"][0]
        text = f"{path}:{line}: {check['check_id']}: {check['check_name']} ({check['resource']})"
        yield Finding(path, check["check_id"], text)


def _messages(output: str) -> Iterator[_Json]:
    for line in output.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def _is_override(diagnostic: _Json) -> bool:
    return bool(diagnostic["summary"] == "Provider development overrides are in effect")
