"""A role may do what its programs do, and what AWS does for it: nothing is missing and nothing is left over.

What the programs do was recorded by the tests (`infra/terraform/calls.json`), what the roles may do is what Terraform
renders.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.checks.policies import Document, Kind, faults_of, listed
from tests.aws_calls import known
from tests.aws_calls.recorder import PROGRAMS
from tests.deployments import Deployment
from tests.integration.infra.roles import ROLES, WITHOUT_ROLE, WITHOUT_SOURCE_ARN

NAME = "clickstream-test"
ACCOUNT = "123456789012"
CALLS = known.read()


def statements(document: str) -> list[dict[str, Any]]:
    return listed(json.loads(document)["Statement"])


def allowed(deployment: Deployment, role: str) -> set[str]:
    """Return the actions that a role's own policies allow; its boundary is no grant."""
    policies = [
        resource.values["policy"]
        for resource in deployment.all("aws_iam_role_policy")
        if resource.values["role"] == f"{NAME}-{role}"
    ]
    assert policies, role
    found = [statement for policy in policies for statement in statements(policy) if statement["Effect"] == "Allow"]
    return {action for statement in found for action in listed(statement["Action"])}


def called(role: str) -> set[str]:
    return {action for program in ROLES[role].programs for action in CALLS[program]}


def test_every_role_is_known(deployment: Deployment) -> None:
    made = {resource.values["name"].removeprefix(f"{NAME}-") for resource in deployment.all("aws_iam_role")}
    assert made == set(ROLES)
    assert not deployment.all("aws_iam_role_policy_attachment")


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_all_that_its_programs_and_aws_do(deployment: Deployment, role: str) -> None:
    assert (called(role) | set(ROLES[role].beside)) - allowed(deployment, role) == set()


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_nothing_that_neither_its_programs_nor_aws_do(deployment: Deployment, role: str) -> None:
    assert allowed(deployment, role) - called(role) - set(ROLES[role].beside) == set()


@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_put_down_to_aws_that_the_programs_do_themselves(role: str) -> None:
    assert called(role) & set(ROLES[role].beside) == set()


def test_every_program_has_a_role_or_a_reason_why_not() -> None:
    with_role = {program for role in ROLES.values() for program in role.programs}
    assert with_role & set(WITHOUT_ROLE) == set()
    assert with_role | set(WITHOUT_ROLE) == set(PROGRAMS) == set(CALLS)


def test_no_policy_of_a_role_says_more_than_what_somebody_has_listed(deployment: Deployment) -> None:
    policies = deployment.all("aws_iam_role_policy")
    documents = [Document(each.address, Kind.IDENTITY, each.values["policy"]) for each in policies]
    assert documents
    assert [fault for document in documents for fault in faults_of(document)] == []


def test_no_role_is_trusted_by_more_than_who_uses_it(deployment: Deployment) -> None:
    for role in deployment.all("aws_iam_role"):
        for statement in statements(role.values["assume_role_policy"]):
            keys = {key for test in statement.get("Condition", {}).values() for key in test}
            assert statement["Action"] == "sts:AssumeRole"
            for kind, names in statement["Principal"].items():
                if kind == "Service":
                    # Else the service would use it for somebody else's resource.
                    is_told = role.values["name"].removeprefix(f"{NAME}-") not in WITHOUT_SOURCE_ARN
                    assert keys == {"aws:SourceAccount", *(["aws:SourceArn"] if is_told else [])}, role.address
                else:
                    assert kind == "AWS"
                    outside = [name for name in listed(names) if f":iam::{ACCOUNT}:" not in name]
                    assert not outside or "sts:ExternalId" in keys, role.address
                    assert all(name != "*" for name in listed(names)), role.address


@pytest.mark.parametrize("role", ["compaction", "dropped-files"])
def test_what_runs_in_the_network_reaches_buckets_and_tables_from_there_alone(
    deployment: Deployment, role: str
) -> None:
    endpoints = {
        service: endpoint.values["id"]
        for endpoint in deployment.all("aws_vpc_endpoint")
        if (service := endpoint.values["service_name"].rpartition(".")[2]) in ("s3", "dynamodb")
    }
    policy = deployment.one("aws_iam_role_policy", role=f"{NAME}-{role}")["policy"]
    for statement in statements(policy):
        service = listed(statement["Action"])[0].partition(":")[0]
        if statement["Effect"] == "Allow" and service in endpoints:
            assert statement["Condition"]["StringEquals"]["aws:SourceVpce"] == endpoints[service], statement["Sid"]


@pytest.mark.parametrize("role", ["analyst", "operator"])
def test_people_have_a_second_factor(deployment: Deployment, role: str) -> None:
    document = deployment.one("aws_iam_role", name=f"{NAME}-{role}")["assume_role_policy"]
    for statement in statements(document):
        assert statement["Condition"]["Bool"] == {"aws:MultiFactorAuthPresent": "true"}
