import json
from typing import Any

import pytest

from infra.checks.policies import TAKES_NO_RESOURCE, Document, Finding, Kind, documents_of, faults_of

READ = {
    "Sid": "Read",
    "Effect": "Allow",
    "Action": ["s3:GetObject"],
    "Resource": ["arn:aws:s3:::raw/clickstream/*"],
}


def document(*statements: dict[str, Any], kind: Kind = Kind.IDENTITY) -> Document:
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return Document("aws_iam_role_policy.this.policy", kind, text)


def resource(address: str, kind: str, values: dict[str, Any], mode: str = "managed") -> dict[str, Any]:
    return {"address": address, "mode": mode, "type": kind, "values": values}


def test_documents_are_found_in_every_module_under_any_attribute() -> None:
    text = document(READ).text
    child = {"resources": [resource("module.a.aws_sqs_queue.this", "aws_sqs_queue", {"policy": text, "name": "a"})]}
    inline = {"inline_policy": [{"name": "x", "policy": text}]}
    root = {
        "resources": [
            resource("aws_iam_role_policy.this", "aws_iam_role_policy", {"policy": text}),
            resource("aws_iam_role.this", "aws_iam_role", inline),
            resource("aws_vpc_endpoint.this", "aws_vpc_endpoint", {"policy": text}),
            resource("data.aws_iam_policy_document.this", "aws_iam_policy_document", {"json": text}, mode="data"),
        ],
        "child_modules": [child],
    }
    found = documents_of({"root_module": root})
    assert [(each.address, each.kind) for each in found] == [
        ("aws_iam_role_policy.this.policy", Kind.IDENTITY),
        ("aws_iam_role.this.inline_policy[0].policy", Kind.IDENTITY),
        ("aws_vpc_endpoint.this.policy", Kind.ENDPOINT),
        ("module.a.aws_sqs_queue.this.policy", Kind.RESOURCE),
    ]
    assert documents_of({"values": {"root_module": root}}) == found


def test_what_is_no_document_is_passed_over() -> None:
    values = {"redrive_policy": '{"maxReceiveCount": 6}', "name": "{not json", "tags": {"a": None}, "count": 3}
    assert documents_of({"root_module": {"resources": [resource("aws_sqs_queue.this", "aws_sqs_queue", values)]}}) == []


def test_an_action_on_a_named_resource_is_no_fault() -> None:
    assert faults_of(document(READ)) == []


def test_a_wildcard_in_an_action_is_a_fault_of_any_document() -> None:
    assert faults_of(document(READ | {"Action": "s3:Get*"})) == [
        "aws_iam_role_policy.this.policy: Read: s3:Get* has a wildcard"
    ]
    assert len(faults_of(document(READ | {"Action": ["s3:GetObject", "*"]}, kind=Kind.RESOURCE))) == 1


def test_everything_is_allowed_as_a_resource_only_for_actions_that_take_none() -> None:
    anything = {"Sid": "Count", "Effect": "Allow", "Resource": "*"}
    assert "cloudwatch:PutMetricData" in TAKES_NO_RESOURCE
    assert faults_of(document(anything | {"Action": "cloudwatch:PutMetricData"})) == []
    assert faults_of(document(anything | {"Action": ["cloudwatch:PutMetricData", "s3:GetObject"]})) == [
        "aws_iam_role_policy.this.policy: Count: s3:GetObject on every resource"
    ]


def test_the_resource_of_a_resource_s_own_policy_may_be_everything() -> None:
    statement = {
        "Sid": "Use",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:role/a"},
        "Action": "kms:Decrypt",
        "Resource": "*",
    }
    assert faults_of(document(statement, kind=Kind.RESOURCE)) == []


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["arn:aws:iam::123456789012:root", "*"]}])
def test_anybody_is_allowed_only_on_a_condition(principal: object) -> None:
    statement = READ | {"Principal": principal}
    assert faults_of(document(statement, kind=Kind.RESOURCE)) == [
        "aws_iam_role_policy.this.policy: Read: allows anybody, without a condition"
    ]
    condition = {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}
    assert faults_of(document(statement | {"Condition": condition}, kind=Kind.RESOURCE)) == []


def test_anybody_may_reach_named_things_through_an_endpoint_but_not_everything() -> None:
    statement = READ | {"Principal": "*"}
    assert faults_of(document(statement, kind=Kind.ENDPOINT)) == []
    [fault] = faults_of(document(statement | {"Resource": "*"}, kind=Kind.ENDPOINT))
    assert fault.endswith("lets anybody reach everything")


def test_a_condition_of_any_action_is_no_finding() -> None:
    issue = "UNKNOWN_CONDITION_FOR_ACTION"
    told = "Unknown condition {} for action ec2:CreateNetworkInterface"
    assert not Finding(issue, told.format("lambda:SourceFunctionArn")).is_fault_of(Kind.IDENTITY)
    assert Finding(issue, told.format("lambda:SourceFunction")).is_fault_of(Kind.IDENTITY)
    assert Finding("UNKNOWN_ACTION", told.format("lambda:SourceFunctionArn")).is_fault_of(Kind.IDENTITY)


def test_a_boundary_is_known_by_the_roles_that_have_it_and_may_be_about_everything() -> None:
    text = document(READ | {"Resource": "*"}).text
    arn = "arn:aws:iam::123456789012:policy/boundary"
    policy = resource("aws_iam_policy.boundary", "aws_iam_policy", {"policy": text, "arn": arn})
    role = resource("aws_iam_role.this", "aws_iam_role", {"permissions_boundary": arn})
    other = resource("aws_iam_policy.other", "aws_iam_policy", {"policy": text, "arn": f"{arn}-of-nobody"})
    boundary, identity = documents_of({"root_module": {"resources": [policy, role, other]}})
    assert (boundary.kind, identity.kind) == (Kind.BOUNDARY, Kind.IDENTITY)
    assert faults_of(boundary) == []
    assert len(faults_of(identity)) == 1
    star = Finding("RESOURCE_STAR", "['s3:GetObject']")
    assert star.is_fault_of(Kind.IDENTITY) and not star.is_fault_of(Kind.BOUNDARY)
    assert len(faults_of(document(READ | {"Action": "s3:*"}, kind=Kind.BOUNDARY))) == 1


def test_tasks_without_an_instance_are_bounded_by_a_condition() -> None:
    listing = {"Sid": "List", "Effect": "Allow", "Action": "ecs:ListTasks", "Resource": "*"}
    [fault] = faults_of(document(listing))
    assert fault.endswith("ecs:ListTasks on every resource")
    condition = {"ArnEquals": {"ecs:cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/a"}}
    assert faults_of(document(listing | {"Condition": condition})) == []
    assert not Finding("RESOURCE_STAR", "['ecs:ListTasks']").is_fault_of(Kind.IDENTITY)


def test_what_is_refused_may_be_everything_to_anybody() -> None:
    statement = {"Sid": "Tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    assert faults_of(document(statement, kind=Kind.RESOURCE)) == []


@pytest.mark.parametrize("key", ["NotAction", "NotResource", "NotPrincipal"])
def test_what_is_allowed_by_leaving_out_is_a_fault(key: str) -> None:
    [fault] = faults_of(document(READ | {key: "s3:DeleteObject"}))
    assert fault.endswith(f"{key} allows what nobody has listed")


def test_a_statement_without_a_sid_is_a_fault() -> None:
    nameless = {key: value for key, value in READ.items() if key != "Sid"}
    assert faults_of(document(READ, nameless)) == ["aws_iam_role_policy.this.policy: statement 1: has no sid"]
