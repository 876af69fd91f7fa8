"""The IAM documents of a state, and what none of them may say. Pure.

An action with a wildcard allows what nobody has read, and so does a resource that is everything; both are refused where
something is allowed. What a linter knows of each action is asked elsewhere, see `workers/parliament_worker.py`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_Json = Mapping[str, Any]
_IDENTITY_TYPES = frozenset({"aws_iam_role_policy", "aws_iam_policy", "aws_iam_user_policy", "aws_iam_group_policy"})
# Actions that take no resource: IAM has nothing else for them than everything.
# Source: Service Authorization Reference, the tables of actions: no resource type.
TAKES_NO_RESOURCE = frozenset(
    {
        "athena:ListDataCatalogs",
        "athena:ListEngineVersions",
        "athena:ListWorkGroups",
        "cloudtrail:LookupEvents",
        "cloudwatch:DescribeAlarmsForMetric",
        "cloudwatch:GetMetricData",
        "cloudwatch:GetMetricStatistics",
        "cloudwatch:ListDashboards",
        "cloudwatch:ListMetrics",
        "cloudwatch:PutMetricData",
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "ecr:GetAuthorizationToken",
        "ecs:DescribeTaskDefinition",
        "ecs:ListClusters",
        "ecs:ListTaskDefinitions",
        "firehose:ListDeliveryStreams",
        "glue:GetSecurityConfiguration",
        "kinesis:ListStreams",
        "kinesisanalytics:ListApplications",
        "kms:ListAliases",
        "kms:ListKeys",
        "lambda:ListEventSourceMappings",
        "lambda:ListFunctions",
        "logs:DescribeLogGroups",
        "logs:DescribeQueries",
        "logs:DescribeQueryDefinitions",
        "logs:StopQuery",
        "redshift-data:CancelStatement",
        "redshift-data:DescribeStatement",
        "redshift-data:GetStatementResult",
        "redshift-data:ListStatements",
        "redshift-serverless:ListWorkgroups",
        "s3:ListAllMyBuckets",
        "scheduler:ListSchedules",
        "sns:ListTopics",
        "sns:Unsubscribe",
        "sqs:ListQueues",
        "sts:GetCallerIdentity",
        "tag:GetResources",
    }
)


# Actions whose resource the pipeline does not have, so that only a condition bounds them: a task of Fargate is on no
# container instance.
BOUND_BY_CONDITION = frozenset({"ecs:ListTasks"})
# Condition keys that any call has which is made with the credentials of a function.
# Source: Lambda developer guide, "Defining Lambda function permissions with an execution role".
CONDITIONS_OF_ANY_ACTION = frozenset({"lambda:SourceFunctionArn"})


class Kind(StrEnum):
    """What a document says."""

    IDENTITY = "what its owner may do"
    RESOURCE = "who may do what with the thing that has it"
    BOUNDARY = "what its owner may do at most, of what is allowed elsewhere"
    ENDPOINT = "what passes a network endpoint, of what is allowed elsewhere"


@dataclass(frozen=True, slots=True)
class Document:
    """An IAM document of a resource.

    Attributes:
        address: of the resource and its attribute.
        text: JSON.
    """

    address: str
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What the linter says of a document.

    Attributes:
        issue: like `UNKNOWN_ACTION`.
        detail: for a person.
    """

    issue: str
    detail: str

    def is_fault_of(self, kind: Kind) -> bool:
        """Say whether it is one of such a document; which actions may be on everything is judged here alone."""
        if self.issue == "RESOURCE_STAR":
            return kind is Kind.IDENTITY and not any(action in self.detail for action in BOUND_BY_CONDITION)
        if self.issue == "UNKNOWN_CONDITION_FOR_ACTION":
            return not any(f"condition {key} for" in self.detail for key in CONDITIONS_OF_ANY_ACTION)
        return True


def documents_of(state: _Json) -> list[Document]:
    """Return the documents of every resource in a state, in the form of `terraform show -json`."""
    resources = resources_in(state)
    boundaries = {resource["values"].get("permissions_boundary") for resource in resources} - {None, ""}
    return [document for resource in resources for document in _documents(resource, boundaries)]


def resources_in(state: _Json) -> list[_Json]:
    """Return every resource of a state, those of modules too, in the form of `terraform show -json`."""
    root = state.get("root_module") or state.get("values", {}).get("root_module", {})
    return [resource for resource in _resources(root) if resource["mode"] == "managed"]


def faults_of(document: Document) -> list[str]:
    """Return what a document says that none may."""
    faults: list[str] = []
    for position, statement in enumerate(listed(json.loads(document.text)["Statement"])):
        name = statement.get("Sid")
        where = f"{document.address}: {name or f'statement {position}'}: "
        if not name:
            faults.append(f"{where}has no sid")
        if statement["Effect"] == "Allow":
            faults += [where + fault for fault in _faults_of_allowing(statement, document.kind)]
    return faults


def _faults_of_allowing(statement: _Json, kind: Kind) -> Iterator[str]:
    for key in ("NotAction", "NotResource", "NotPrincipal"):
        if key in statement:
            yield f"{key} allows what nobody has listed"
    actions = listed(statement.get("Action", []))
    yield from (f"{action} has a wildcard" for action in actions if "*" in action or "?" in action)
    is_everything = "*" in listed(statement.get("Resource", []))
    if kind is Kind.IDENTITY and is_everything:
        needing = BOUND_BY_CONDITION if statement.get("Condition") else frozenset()
        needless = [action for action in actions if action not in TAKES_NO_RESOURCE | needing and "*" not in action]
        yield from (f"{action} on every resource" for action in needless)
    if _is_anybody(statement.get("Principal")) and not statement.get("Condition"):
        if kind is Kind.RESOURCE:
            yield "allows anybody, without a condition"
        elif is_everything:
            yield "lets anybody reach everything"


def _is_anybody(principal: object) -> bool:
    if isinstance(principal, Mapping):
        return any("*" in listed(names) for names in principal.values())
    return principal == "*"


def listed(value: Any) -> list[Any]:
    """Return what a policy has as one or several, as several."""
    return value if isinstance(value, list) else [value]


def _resources(module: _Json) -> Iterator[_Json]:
    yield from module.get("resources", ())
    for child in module.get("child_modules", ()):
        yield from _resources(child)


def _documents(resource: _Json, boundaries: Collection[str]) -> Iterator[Document]:
    for path, text in _texts(resource["values"]):
        if _is_document(text):
            yield Document(f"{resource['address']}.{path}", _kind_of(resource, path, boundaries), text)


def _kind_of(resource: _Json, path: str, boundaries: Collection[str]) -> Kind:
    resource_type = resource["type"]
    if resource["values"].get("arn") in boundaries:
        return Kind.BOUNDARY
    if resource_type in _IDENTITY_TYPES or path.startswith("inline_policy"):
        return Kind.IDENTITY
    return Kind.ENDPOINT if resource_type == "aws_vpc_endpoint" else Kind.RESOURCE


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Return every text in a value, with the path that leads to it."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inside in value.items():
            yield from _texts(inside, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for position, inside in enumerate(value):
            yield from _texts(inside, f"{path}[{position}]")


def _is_document(text: str) -> bool:
    if not text.lstrip().startswith("{"):
        return False
    try:
        return "Statement" in json.loads(text)
    except json.JSONDecodeError:
        return False
