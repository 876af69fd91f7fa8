"""What checkov says of every folder, read once for all of them, and whether what it passes over has reasons."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from infra.checks import skips
from infra.checks.answers import CheckovAnswer, Finding, checkov_answer
from infra.checks.folders import Folder
from infra.checks.outcomes import Check, Outcome
from infra.checks.running import run_tool
from infra.checks.tools import Tools, UnavailableError


def check_sources(root: Path, chosen: Sequence[Folder], tools: Tools) -> list[Check]:
    """Return a check of each folder.

    Args:
        root: the folder that has `modules` and `envs`; looked at as a whole, for one calls the other.
        chosen: folders of it.
        tools: where checkov comes from.
    """
    began = time.monotonic()
    try:
        python = tools.python("checkov")
    except UnavailableError as error:
        return [Check(folder.name, "checkov", Outcome.UNCHECKED, text=str(error)) for folder in chosen]
    command: list[str | Path] = [
        python,
        "-m",
        "checkov.main",
        "--directory",
        root,
        "--framework",
        "terraform",
        "--skip-download",
    ]
    ran = run_tool([*command, "--compact", "--output", "json"], cwd=root)
    seconds = time.monotonic() - began
    try:
        answer = checkov_answer(ran.stdout)
    except (ValueError, KeyError) as error:
        text = f"checkov ended with {ran.returncode}: {error!r}\n{ran.stdout[-1000:]}{ran.stderr[-3000:]}"
        return [Check(folder.name, "checkov", Outcome.FAILED, seconds, text) for folder in chosen]
    return [_judged(root, folder, answer, seconds / len(chosen)) for folder in chosen]


def _judged(root: Path, folder: Folder, answer: CheckovAnswer, seconds: float) -> Check:
    faults = list(dict.fromkeys(finding.text for finding in _within(folder, answer.failed)))
    faults += [f"{path} cannot be read" for path in answer.unparsed if Path(path).is_relative_to(folder.path)]
    used = {(finding.path, finding.check_id) for finding in _within(folder, answer.skipped)}
    for path in sorted(folder.path.rglob("*.tf")):
        name = path.relative_to(root).as_posix()
        faults += skips.faults_of(name, path.read_text(encoding="utf-8"), {each for at, each in used if at == name})
    if faults:
        return Check(folder.name, "checkov", Outcome.FAILED, seconds, "\n".join(faults))
    return Check(folder.name, "checkov", Outcome.PASSED, seconds, f"{len(used)} passed over" if used else "")


def _within(folder: Folder, findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.path.startswith(f"{folder.name}/")]
