"""What Terraform says of a folder: fmt, get, validate, test; and the IAM documents that the tests make.

Nothing is written beside the source. What cannot be checked for want of a tool is a check of its own that says so.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from infra.checks import deployments, policies
from infra.checks import folders as trees
from infra.checks.answers import test_answer, validate_text
from infra.checks.folders import Folder
from infra.checks.outcomes import Check, Outcome
from infra.checks.policies import Document
from infra.checks.running import run_tool
from infra.checks.tools import Provider, Tools, UnavailableError

_WORKER = Path(__file__).with_name("workers") / "terraform_worker.py"
_FMT = ("fmt", "-check", "-recursive", "-diff")
_GET = ("get", "-no-color")
_INIT = ("init", "-backend=false", "-input=false", "-no-color")
_VALIDATE = ("validate", "-json")
_TEST = ("test", "-json", "-verbose")
_REAL = "needs a provider that calls nobody; the registry's would call AWS"


@dataclass(frozen=True, slots=True)
class Examined:
    """What Terraform said of a folder.

    Attributes:
        documents: what its tests made where they applied, each once; None where they were not run.
    """

    checks: tuple[Check, ...]
    documents: tuple[Document, ...] | None


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a command of Terraform said."""

    name: str
    code: int
    out: str
    err: str
    seconds: float


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a folder is examined by.

    Attributes:
        commands: in order; those after one that failed are not run.
        variables: what Terraform is told of the provider.
        left: checks that cannot be made.
        reason: why.
        on_copy: the commands write beside the source.
    """

    commands: tuple[tuple[str, ...], ...]
    variables: dict[str, str]
    left: tuple[str, ...] = ()
    reason: str = ""
    on_copy: bool = False


def examiner(root: Path, chosen: Sequence[Folder], tools: Tools) -> Callable[[Folder], Examined]:
    """Return what examines a folder, with whatever can be had.

    Args:
        root: the folder that has `modules` and `envs`.
        chosen: every folder that will be examined.
        tools: where Terraform and its provider come from.
    """
    try:
        python = tools.python("terraform")
    except UnavailableError as error:
        return partial(_unexamined, str(error))
    bare = _Plan((_FMT, _GET, _VALIDATE, _TEST), dict(tools.without_provider().variables))
    used = {path for folder in chosen if trees.needs_provider(folder) for path in trees.with_modules(folder.path)}
    try:
        whole = _plan(tools.provider(trees.types_of(used))) if used else bare
    except UnavailableError as error:
        whole = _Plan((_FMT, _GET), bare.variables, ("validate", "test", "iam"), str(error))
    return lambda folder: _examined(root, folder, python, whole if trees.needs_provider(folder) else bare)


def _plan(provider: Provider) -> _Plan:
    variables = dict(provider.variables)
    if provider.can_apply:
        return _Plan((_FMT, _GET, _VALIDATE, _TEST), variables)
    return _Plan((_FMT, _INIT, _VALIDATE), variables, ("test", "iam"), _REAL, on_copy=True)


def _unexamined(reason: str, folder: Folder) -> Examined:
    plan = _Plan((), {}, ("fmt", "get", "validate", "test", "iam"), reason)
    return Examined(tuple(_unchecked(folder, plan)), None)


def _unchecked(folder: Folder, plan: _Plan) -> Iterator[Check]:
    for name in plan.left:
        if name != "iam" or trees.has_documents(folder):
            yield Check(folder.name, name, Outcome.UNCHECKED, text=plan.reason)


def _examined(root: Path, folder: Folder, python: Path, plan: _Plan) -> Examined:
    with tempfile.TemporaryDirectory() as scratch:
        path = folder.path
        if plan.on_copy:
            path = _copied(root, Path(scratch) / "tree") / folder.name
        answers = _run_terraform(python, path, plan, Path(scratch))
    checks = [_judged(folder, answer) for answer in answers]
    documents = None
    for answer in answers:
        if answer.name == "test":
            states = test_answer(answer.out).states
            checks += _whole(folder, states)
            documents = tuple(dict.fromkeys(found for state in states for found in policies.documents_of(state)))
    return Examined((*checks, *_unchecked(folder, plan)), documents)


def _copied(root: Path, to: Path) -> Path:
    """Return a copy of the tree in which paths to what lies beside it, in the project, still lead there."""
    for above, at in ((root.parents[1], to), (root.parent, to / root.parent.name)):
        at.mkdir()
        for entry in above.iterdir():
            if entry not in (root, root.parent):
                (at / entry.name).symlink_to(entry)
    copy = to / root.parent.name / root.name
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns(".terraform"))
    return copy


def _whole(folder: Folder, states: Sequence[Mapping[str, Any]]) -> Iterator[Check]:
    """Judge the deployments among the states that the tests left."""
    whole = [state for state in states if deployments.is_deployment(state)]
    if whole:
        faults = dict.fromkeys(fault for state in whole for fault in deployments.faults_of(state))
        outcome = Outcome.FAILED if faults else Outcome.PASSED
        yield Check(folder.name, "deployment", outcome, text="\n".join(faults) or f"{len(whole)} states")


def _run_terraform(python: Path, path: Path, plan: _Plan, scratch: Path) -> list[_Answer]:
    told = scratch / "answers"
    command: list[str | Path] = [python, _WORKER, told, path, *map(json.dumps, plan.commands)]
    ran = run_tool(command, plan.variables | {"TF_DATA_DIR": str(scratch / "data")})
    lines = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
    answers = [_Answer(**json.loads(line)) for line in lines]
    if ran.returncode != 0:
        answers.append(_Answer("terraform", ran.returncode, ran.stdout, ran.stderr, 0.0))
    return answers


def _judged(folder: Folder, answer: _Answer) -> Check:
    """Return the check that an answer stands for: of tests an exit code alone is no pass."""
    is_good, text = answer.code == 0, f"{answer.out}{answer.err}".strip()
    figure = ""
    if answer.name == "validate":
        text = validate_text(answer.out)
    elif answer.name == "test":
        told = test_answer(answer.out)
        is_good = is_good and told.passed > 0 and not told.failed
        text = told.text or ("there are no tests: write tests/*.tftest.hcl" if answer.code == 0 else text)
        figure = f"{told.passed} runs"
    if is_good:
        return Check(folder.name, answer.name, Outcome.PASSED, answer.seconds, figure)
    return Check(folder.name, answer.name, Outcome.FAILED, answer.seconds, text)
