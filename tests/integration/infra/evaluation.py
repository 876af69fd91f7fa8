"""Whether a policy's statements apply to a request, as IAM decides it for the operators that are used here.

Source: IAM user guide, "IAM JSON policy elements: Condition operators": a key that the request does not have meets an
operator that negates, and no other; of several values one is enough, for one that negates none may be met.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for.

    Attributes:
        service: the principal, where it is a service such as `events.amazonaws.com`; else anybody in the account.
        context: condition keys.
    """

    action: str
    resource: str
    service: str = ""
    context: Mapping[str, str] = field(default_factory=dict)


def applying(document: str, request: Request, effect: str) -> list[str]:
    """Return the sids of the statements of a resource's policy that allow, or deny, a request."""
    return [
        str(statement["Sid"])
        for statement in _listed(json.loads(document)["Statement"])
        if statement["Effect"] == effect and _applies(statement, request)
    ]


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    conditions = statement.get("Condition", {})
    return (
        any(_is_like(request.action, action) for action in _listed(statement["Action"]))
        and any(_is_like(request.resource, resource) for resource in _listed(statement["Resource"]))
        and _is_of(statement["Principal"], request.service)
        and all(_is_met(*test, request.context) for test in _tests(conditions))
    )


def _is_of(principal: Any, service: str) -> bool:
    if principal == "*" or (isinstance(principal, Mapping) and "*" in _listed(principal.get("AWS", ()))):
        return True
    return bool(service) and service in _listed(principal.get("Service", ()))


def _tests(conditions: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    for operator, keys in conditions.items():
        for key, values in keys.items():
            yield operator, key, [str(value) for value in _listed(values)]


def _is_met(operator: str, key: str, values: list[str], context: Mapping[str, str]) -> bool:
    found = context.get(key)
    match operator:
        case "Null":
            return (found is None) == (values == ["true"])
        case "Bool" | "StringEquals":
            return found is not None and found in values
        case "StringNotEquals":
            return found is None or found not in values
        case "StringLike" | "ArnLike" | "ArnEquals":
            return found is not None and any(_is_like(found, value) for value in values)
        case "ArnNotEquals":
            return found is None or not any(_is_like(found, value) for value in values)
        case "NumericLessThan":
            return found is not None and any(float(found) < float(value) for value in values)
    raise NotImplementedError(operator)


def _is_like(text: str, pattern: str) -> bool:
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern))
    return re.fullmatch("".join(parts), text) is not None


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
