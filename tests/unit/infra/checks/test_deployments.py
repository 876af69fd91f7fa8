"""A deployment that is whole has no fault, and each thing that is taken from it is told."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from infra.checks.deployments import faults_of, is_deployment

KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
ROOT = "arn:aws:iam::123456789012:root"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:{}"
TOPIC = "arn:aws:sns:us-east-1:123456789012:shop-dev-ops"
VIA = {"StringEquals": {"kms:ViaService": ["sqs.us-east-1.amazonaws.com"]}}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Statement": list(statements)})


KEYS = {
    "Sid": "Decrypt",
    "Effect": "Allow",
    "Action": "kms:Decrypt",
    "Resource": "*",
    "Principal": {"AWS": ROOT},
    "Condition": {**VIA, "ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/shop-dev-job"}},
}
ROLES = {"Sid": "Decrypt", "Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": KEY, "Condition": VIA}

RESOURCES: dict[str, dict[str, Any]] = {
    "aws_kms_key.this": {"arn": KEY, "policy": policy(KEYS)},
    "aws_kms_alias.this": {"name": "alias/shop-dev-lake"},
    "aws_iam_role.job": {"id": "shop-dev-job", "name": "shop-dev-job"},
    "aws_iam_role_policy.job": {"role": "shop-dev-job", "policy": policy(ROLES)},
    "aws_s3_bucket.raw": {"bucket": "shop-dev-raw-1"},
    "aws_s3_bucket.logs": {"bucket": "shop-dev-logs-1"},
    "aws_s3_bucket_server_side_encryption_configuration.raw": {
        "bucket": "shop-dev-raw-1",
        "rule": [{"apply_server_side_encryption_by_default": [{"kms_master_key_id": KEY}]}],
    },
    "aws_s3_bucket_server_side_encryption_configuration.logs": {
        "bucket": "shop-dev-logs-1",
        "rule": [{"apply_server_side_encryption_by_default": [{"kms_master_key_id": None}]}],
    },
    "aws_s3_bucket_public_access_block.raw": {
        "bucket": "shop-dev-raw-1",
        "block_public_acls": True,
        "block_public_policy": True,
        "ignore_public_acls": True,
        "restrict_public_buckets": True,
    },
    "aws_s3_bucket_public_access_block.logs": {
        "bucket": "shop-dev-logs-1",
        "block_public_acls": True,
        "block_public_policy": True,
        "ignore_public_acls": True,
        "restrict_public_buckets": True,
    },
    "aws_sqs_queue.work": {
        "arn": QUEUE.format("shop-dev-work"),
        "name": "shop-dev-work",
        "kms_master_key_id": KEY,
        "redrive_policy": json.dumps({"deadLetterTargetArn": QUEUE.format("shop-dev-dead")}),
    },
    "aws_sqs_queue.dead": {
        "arn": QUEUE.format("shop-dev-dead"),
        "name": "shop-dev-dead",
        "kms_master_key_id": KEY,
        "redrive_policy": "synthetic-redrive_policy",
    },
    "aws_sns_topic.ops": {"arn": TOPIC, "name": "shop-dev-ops", "kms_master_key_id": KEY},
    "aws_sns_topic_subscription.ops": {"topic_arn": TOPIC},
    "aws_cloudwatch_metric_alarm.dead": {
        "alarm_name": "shop-dev-dead",
        "dimensions": {"QueueName": "shop-dev-dead"},
        "alarm_actions": [TOPIC],
    },
    "aws_cloudwatch_log_group.job": {"name": "/aws/shop-dev-job", "kms_key_id": KEY},
    "aws_redshiftserverless_workgroup.this": {"publicly_accessible": False},
    "aws_vpc_security_group_ingress_rule.this": {"cidr_ipv4": None, "cidr_ipv6": None},
    "aws_subnet.this": {"map_public_ip_on_launch": False},
}


def state_of(resources: dict[str, dict[str, Any]]) -> dict[str, Any]:
    listed = [
        {"address": address, "type": address.partition(".")[0], "mode": "managed", "values": values}
        for address, values in resources.items()
    ]
    # Half of them in a module, as they are in a deployment.
    return {"root_module": {"resources": listed[::2], "child_modules": [{"resources": listed[1::2]}]}}


def changed(change: Callable[[dict[str, dict[str, Any]]], object]) -> list[str]:
    resources = copy.deepcopy(RESOURCES)
    change(resources)
    return faults_of(state_of(resources))


def test_a_whole_deployment_has_no_fault() -> None:
    assert is_deployment(state_of(RESOURCES))
    assert faults_of(state_of(RESOURCES)) == []


def test_a_part_is_no_deployment() -> None:
    for kind in ("aws_kms_key", "aws_iam_role.", "aws_s3_bucket."):
        part = {address: values for address, values in RESOURCES.items() if not address.startswith(kind)}
        assert not is_deployment(state_of(part))


@pytest.mark.parametrize(
    ("address", "attribute", "value", "fault"),
    [
        ("aws_sqs_queue.work", "kms_master_key_id", None, "aws_sqs_queue.work is not encrypted"),
        ("aws_sns_topic.ops", "kms_master_key_id", "alias/aws/sns", "aws_sns_topic.ops is not encrypted"),
        ("aws_cloudwatch_log_group.job", "kms_key_id", None, "aws_cloudwatch_log_group.job is not encrypted"),
        (
            "aws_s3_bucket_server_side_encryption_configuration.raw",
            "rule",
            [{"apply_server_side_encryption_by_default": [{"kms_master_key_id": None}]}],
            "aws_s3_bucket.raw is not encrypted",
        ),
        (
            "aws_s3_bucket_server_side_encryption_configuration.logs",
            "bucket",
            "another",
            "aws_s3_bucket.logs is not encrypted",
        ),
        (
            "aws_s3_bucket_public_access_block.raw",
            "restrict_public_buckets",
            False,
            "aws_s3_bucket.raw can be made public",
        ),
        ("aws_s3_bucket_public_access_block.raw", "bucket", "another", "aws_s3_bucket.raw can be made public"),
        ("aws_redshiftserverless_workgroup.this", "publicly_accessible", True, "is public"),
        ("aws_vpc_security_group_ingress_rule.this", "cidr_ipv4", "0.0.0.0/0", "lets anybody in"),
        ("aws_vpc_security_group_ingress_rule.this", "cidr_ipv6", "::/0", "lets anybody in"),
        ("aws_subnet.this", "map_public_ip_on_launch", True, "gives public addresses"),
        (
            "aws_cloudwatch_metric_alarm.dead",
            "dimensions",
            {"QueueName": "shop-dev-work"},
            "aws_sqs_queue.dead gets what failed, and has no alarm",
        ),
        ("aws_sqs_queue.work", "name", "shop-dev-dead-letters", "aws_sqs_queue.work gets what failed"),
        ("aws_cloudwatch_metric_alarm.dead", "alarm_actions", [], "tells no topic"),
        ("aws_cloudwatch_metric_alarm.dead", "alarm_actions", ["arn:another"], "tells no topic"),
        ("aws_sns_topic_subscription.ops", "topic_arn", "arn:another", "tells a topic that nobody has subscribed"),
        ("aws_sqs_queue.work", "name", "shop-work", "which does not begin with shop-dev"),
        ("aws_cloudwatch_log_group.job", "name", "/aws/job", "in which shop-dev is not"),
        ("aws_kms_alias.this", "name", "alias/another-lake", "does not begin with another"),
        ("aws_kms_key.this", "policy", policy(), "whose policy does not know it"),
        ("aws_iam_role_policy.job", "policy", policy(), "whose own policy does not"),
        (
            "aws_iam_role_policy.job",
            "policy",
            policy(ROLES, {**ROLES, "Resource": "arn:another"}),
            "which is no key of the deployment",
        ),
        (
            "aws_iam_role_policy.job",
            "policy",
            policy(ROLES, {**ROLES, "Action": "kms:GenerateDataKey"}),
            "may kms:GenerateDataKey by aws_kms_key.this, whose policy does not know it",
        ),
        (
            "aws_iam_role_policy.job",
            "policy",
            policy({**ROLES, "Condition": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}}),
            "through ['s3.us-east-1.amazonaws.com'], and not by its policy",
        ),
        (
            "aws_iam_role_policy.job",
            "policy",
            policy({key: value for key, value in ROLES.items() if key != "Condition"}),
            "through ['any service'], and not by its policy",
        ),
    ],
)
def test_what_does_not_hold_is_told(address: str, attribute: str, value: Any, fault: str) -> None:
    faults = changed(lambda resources: resources[address].update({attribute: value}))
    assert any(fault in each for each in faults), faults


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("aws_cloudwatch_event_target", {"dead_letter_config": [{"arn": QUEUE.format("shop-dev-other")}]}),
        (
            "aws_scheduler_schedule",
            {
                "name": "shop-dev-a",
                "kms_key_arn": KEY,
                "target": [{"dead_letter_config": [{"arn": QUEUE.format("shop-dev-other")}]}],
            },
        ),
        (
            "aws_sns_topic_subscription",
            {"topic_arn": TOPIC, "redrive_policy": json.dumps({"deadLetterTargetArn": QUEUE.format("shop-dev-other")})},
        ),
    ],
)
def test_whatever_gives_up_to_a_queue_makes_it_one_of_dead_letters(kind: str, values: dict[str, Any]) -> None:
    other = {"arn": QUEUE.format("shop-dev-other"), "name": "shop-dev-other", "kms_master_key_id": KEY}
    faults = changed(lambda resources: resources.update({"aws_sqs_queue.other": other, f"{kind}.other": values}))
    assert faults == ["aws_sqs_queue.other gets what failed, and has no alarm"]


@pytest.mark.parametrize("kind", ["aws_internet_gateway", "aws_nat_gateway", "aws_lambda_function_url"])
def test_what_leads_in_or_out_is_told(kind: str) -> None:
    assert changed(lambda resources: resources.update({f"{kind}.this": {}})) == [f"{kind}.this leads in or out"]


def test_a_deployment_without_alarms_is_told() -> None:
    assert "there is no alarm" in changed(lambda resources: resources.pop("aws_cloudwatch_metric_alarm.dead"))


def test_keys_of_two_names_are_told() -> None:
    faults = changed(lambda resources: resources.update({"aws_kms_alias.other": {"name": "alias/other-lake"}}))
    assert faults == ["the keys' aliases do not begin with one name: ['alias/other-lake', 'alias/shop-dev-lake']"]
