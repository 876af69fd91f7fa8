"""Commands of the AWS command line that documents name, against the descriptions of the APIs."""

from __future__ import annotations

import re
import shlex
from functools import cache
from typing import Any

import botocore.session
from botocore import xform_name

# Of the AWS command line itself, not of the API.
_CLI_OPTIONS = {"query", "output", "cli-input-json", "zip-file"}
# Names of the command line for what the APIs call otherwise.
_SERVICES = {"s3api": "s3"}


@cache
def service(name: str) -> Any:
    """Return botocore's description of a service, by the name that its client has."""
    return botocore.session.get_session().get_service_model(name)


def aws_commands(text: str) -> list[list[str]]:
    """Return the words behind `aws` of every such command in the shell code of a document, and between backticks."""
    code = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL) + re.findall(r"`(aws [^`]*)`", text))
    joined = re.sub(r"\s*\\\n\s*", " ", code)
    # A command in the argument of another stands for its answer.
    joined = re.sub(r"\$\([^()]*\)", "1", joined)
    found = re.findall(r"^aws (?:[^'\n]|'[^']*')+", joined, re.MULTILINE)
    return [shlex.split(command)[1:] for command in found]


def fault_of(command: list[str]) -> str:
    """Return what is wrong with a command: no such service or operation, or options that it does not have."""
    name, operation, *rest = command
    if name not in {*botocore.session.get_session().get_available_services(), *_SERVICES}:
        return f"aws {name}: no such service"
    model = service(_SERVICES.get(name, name))
    known = {xform_name(operation, "-"): operation for operation in model.operation_names}
    if operation not in known:
        return f"aws {name} {operation}: no such operation"
    shape = model.operation_model(known[operation]).input_shape
    members = {xform_name(member, "-") for member in shape.members} if shape else set()
    options = {word.removeprefix("--") for word in rest if word.startswith("--")}
    missing = {xform_name(member, "-") for member in shape.required_members} - options if shape else set()
    if unknown := options - members - _CLI_OPTIONS:
        return f"aws {name} {operation}: unknown {sorted(unknown)}"
    if missing and not options & _CLI_OPTIONS - {"query", "output"}:
        return f"aws {name} {operation}: without {sorted(missing)}"
    return ""
