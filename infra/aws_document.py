"""The parts of docs/aws.md that follow from the modules: the picture, what each module is given, the roles.

`python -m infra.aws_document` writes them; a test fails when they are not what the modules say. The text of HCL is read
by its blocks, as `terraform fmt` writes them, which the checks of the Terraform enforce.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import typer

from infra.aws_architecture import mermaid
from schemas.rendered import with_part

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "aws.md"
MODULES = ROOT / "infra" / "terraform" / "modules"
_BLOCK = re.compile(r'^(\w+)((?: "[^"]+")*) \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_REFERENCE = re.compile(r"\bmodule\.(\w+)\.")
_LOCAL = re.compile(r'^  (\w+)\s+= "([^"]*)"', re.MULTILINE)
_SID = re.compile(r'\bsid\s+= "(\w+)"')
_SERVICE = re.compile(r'"([a-z-]+)\.amazonaws\.com"')


@dataclass(frozen=True, slots=True)
class Block:
    """A block of HCL at the outermost level: its kind, its labels, and what is in it."""

    kind: str
    labels: tuple[str, ...]
    body: str


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the deployment.

    Attributes:
        name: without the environment's.
        module: that makes it.
        taken_by: services that may take it.
        may: names of the statements of its policy, each what it allows.
    """

    name: str
    module: str
    taken_by: tuple[str, ...]
    may: tuple[str, ...]


def blocks_of(module: str) -> list[Block]:
    """Return the blocks of a module, in the order of its files."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((MODULES / module).glob("*.tf")))
    return [Block(kind, tuple(re.findall(r'"([^"]+)"', labels)), body) for kind, labels, body in _BLOCK.findall(text)]


def wiring() -> dict[str, tuple[str, ...]]:
    """Return of each module that the pipeline calls which others give it something, in the order of the calls."""
    calls = [block for block in blocks_of("pipeline") if block.kind == "module"]
    names = [block.labels[0] for block in calls]
    local = {
        name: set(_REFERENCE.findall(body))
        for block in blocks_of("pipeline")
        if block.kind == "locals"
        for name, body in re.findall(r"^  (\w+)\s+= (.*?)(?=^  \w+\s+= |\Z)", block.body, re.MULTILINE | re.DOTALL)
    }
    found: dict[str, tuple[str, ...]] = {}
    for block in calls:
        given = set(_REFERENCE.findall(block.body))
        for name in re.findall(r"\blocal\.(\w+)", block.body):
            given |= local.get(name, set())
        found[block.labels[0]] = tuple(name for name in names if name in given - {block.labels[0]})
    return found


def resources_of(module: str) -> dict[str, Block]:
    """Return the resources of a module by type and name."""
    return {".".join(block.labels): block for block in blocks_of(module) if block.kind == "resource"}


def roles() -> list[Role]:
    """Return the roles of services, as the modules make them."""
    return [role for module in wiring() for role in _roles_of(module)]


def _roles_of(module: str) -> Iterator[Role]:
    blocks = blocks_of(module)
    texts = {name: value for block in blocks if block.kind == "locals" for name, value in _LOCAL.findall(block.body)}
    documents = {block.labels[1]: block.body for block in blocks if block.labels[:1] == ("aws_iam_policy_document",)}
    policies = [block.body for block in blocks if block.labels[:1] == ("aws_iam_role_policy",)]
    for block in blocks:
        if block.labels[:1] != ("aws_iam_role",) or "for_each" in block.body:
            continue
        name = _value(block.body, "name")
        for local, value in texts.items():
            name = name.replace(f"${{local.{local}}}", value).replace(f"local.{local}", value)
        own = [body for body in policies if re.search(rf"aws_iam_role\.{block.labels[1]}\b", _value(body, "role"))]
        may = [sid for body in own for sid in _SID.findall(documents[_document_of(body, "policy")])]
        yield Role(
            name.replace("${var.name}-", ""),
            module,
            tuple(_SERVICE.findall(documents[_document_of(block.body, "assume_role_policy")])),
            tuple(may),
        )


def _document_of(body: str, argument: str) -> str:
    """Return NAME of an argument that is `data.aws_iam_policy_document.NAME.json`, or one of several."""
    return _value(body, argument).split(".")[2].partition("[")[0]


def _value(body: str, argument: str) -> str:
    found = re.search(rf"^  {argument}\s+= (.*)$", body, re.MULTILINE)
    if found is None:
        raise ValueError(f"no {argument} in {body!r}")
    return found[1].strip('"')


def parts() -> Mapping[str, str]:
    """Return each part, by its name."""
    given = wiring()
    modules = [f"| [{name}]({_readme(name)}) | {', '.join(froms) or '-'} |" for name, froms in given.items()]
    table = [
        f"| `-{role.name}` | {role.module} | {', '.join(role.taken_by)} | {', '.join(map(_words, role.may))} |"
        for role in roles()
    ]
    return {
        "picture": f"```mermaid\n{mermaid()}```\n",
        "modules": "\n".join(["| module | is given something of |", "|---|---|", *modules]) + "\n",
        "roles": "\n".join(["| role | module | taken by | may |", "|---|---|---|---|", *table]) + "\n",
    }


def _readme(module: str) -> str:
    return f"../infra/terraform/modules/{module}/README.md"


def _words(sid: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z][a-z])", " ", sid).lower()


def with_parts(text: str) -> str:
    """Return a document with the parts as they are now, in the places marked for them."""
    for name, part in parts().items():
        text = with_part(text, name, "infra.aws_document", part)
    return text


def main() -> None:
    """Write the parts of docs/aws.md that follow from the modules.

    Example: `python -m infra.aws_document`
    """
    DOCUMENT.write_text(with_parts(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    typer.echo(str(DOCUMENT))


if __name__ == "__main__":
    typer.run(main)
