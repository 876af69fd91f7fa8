"""What Terraform makes of a folder, as a state: applied against the provider that knows AWS's types and calls none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import infra.checks
from infra.checks.folders import types_of, with_modules
from infra.checks.running import run_tool
from infra.checks.tools import Tools

_WORKER = Path(infra.checks.__file__).parent / "workers" / "terraform_worker.py"


@dataclass(frozen=True)
class Resource:
    """A managed resource of a state.

    Attributes:
        address: in the whole configuration.
        values: as `terraform show -json` has them.
    """

    type: str
    address: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Deployment:
    """The managed resources of a state."""

    resources: tuple[Resource, ...]

    def all(self, of_type: str) -> list[Resource]:
        return [resource for resource in self.resources if resource.type == of_type]

    def at(self, address: str) -> dict[str, Any]:
        """Return the values of the one resource whose address ends so."""
        [found] = [each.values for each in self.resources if each.address.endswith(f".{address}")]
        return found

    def one(self, of_type: str, **values: Any) -> dict[str, Any]:
        """Return the values of the one resource of a type that has these."""
        [found] = [each.values for each in self.all(of_type) if values.items() <= each.values.items()]
        return found


def applied(folder: Path, tools: Tools, scratch: Path) -> Deployment:
    """Apply a folder to nothing, and return what there is then.

    Args:
        folder: with its provider's configuration and no backend.
        tools: where Terraform and the provider come from.
        scratch: an empty folder for what Terraform writes.

    Raises:
        UnavailableError: a tool cannot be had here, or only a provider that would call AWS.
    """
    provider = tools.provider(types_of(with_modules(folder)))
    if not provider.can_apply:
        raise infra.checks.tools.UnavailableError("a provider that calls nobody")
    state, answers = scratch / "state", scratch / "answers"
    commands = [
        ["get", "-no-color"],
        ["apply", "-auto-approve", "-no-color", "-input=false", "-compact-warnings", f"-state={state}"],
        ["show", "-json", str(state)],
    ]
    ran = run_tool(
        [tools.python("terraform"), _WORKER, answers, folder, *map(json.dumps, commands)],
        {**provider.variables, "TF_DATA_DIR": str(scratch / "data")},
    )
    assert ran.returncode == 0, ran.stderr
    told = [json.loads(line) for line in answers.read_text(encoding="utf-8").splitlines()]
    failure = (told[-1]["out"] + told[-1]["err"])[-3000:]
    assert [answer["code"] for answer in told] == [0] * len(commands), failure
    root = json.loads(told[-1]["out"])["values"]["root_module"]
    return Deployment(tuple(_managed(root)))


def _managed(module: dict[str, Any]) -> Iterator[Resource]:
    for each in module.get("resources", ()):
        if each["mode"] == "managed":
            yield Resource(each["type"], each["address"], each["values"])
    for child in module.get("child_modules", ()):
        yield from _managed(child)
