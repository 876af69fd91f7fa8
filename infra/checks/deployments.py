"""What holds of a whole deployment, looked for in the state that a test of it leaves. Pure.

No module can see this alone: that who may use a key has it in both policies, that nothing is stored by another key than
one of the deployment's, that nothing is open, that each queue of what failed has an alarm, and each alarm somebody to
tell.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.checks.policies import listed, resources_in

_Json = Mapping[str, Any]
# Where a store says by which key it is encrypted.
_KEY_OF: Mapping[str, tuple[str, ...]] = {
    "aws_athena_workgroup": ("configuration", "result_configuration", "encryption_configuration", "kms_key_arn"),
    "aws_cloudtrail": ("kms_key_id",),
    "aws_cloudwatch_log_group": ("kms_key_id",),
    "aws_dynamodb_table": ("server_side_encryption", "kms_key_arn"),
    "aws_ecr_repository": ("encryption_configuration", "kms_key"),
    "aws_kinesis_stream": ("kms_key_id",),
    "aws_redshiftserverless_namespace": ("kms_key_id",),
    "aws_scheduler_schedule": ("kms_key_arn",),
    "aws_sns_topic": ("kms_master_key_id",),
    "aws_sqs_queue": ("kms_master_key_id",),
}
_BUCKET = "aws_s3_bucket"
# S3 delivers access logs to no bucket whose default is a key of KMS.
_WITHOUT_KEY = "-logs-"
_BLOCKS = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
# What leads in from the internet, or out to it.
_OPEN_TYPES = frozenset({"aws_internet_gateway", "aws_nat_gateway", "aws_eip", "aws_lambda_function_url", "aws_lb"})
_ANYWHERE = frozenset({"0.0.0.0/0", "::/0"})
# What a role does by a key itself; DynamoDB does the rest for it.
_USES = frozenset({"kms:Decrypt", "kms:GenerateDataKey"})
# What has a name that AWS shows beside those of other deployments of the account.
_NAMES: Mapping[str, str] = {
    "aws_athena_workgroup": "name",
    "aws_cloudwatch_metric_alarm": "alarm_name",
    "aws_cloudwatch_composite_alarm": "alarm_name",
    "aws_cloudwatch_event_rule": "name",
    "aws_dynamodb_table": "name",
    "aws_ecr_repository": "name",
    "aws_ecs_cluster": "name",
    "aws_ecs_task_definition": "family",
    "aws_iam_policy": "name",
    "aws_iam_role": "name",
    "aws_kinesis_firehose_delivery_stream": "name",
    "aws_kinesis_stream": "name",
    "aws_kinesisanalyticsv2_application": "name",
    "aws_lambda_function": "function_name",
    "aws_s3_bucket": "bucket",
    "aws_scheduler_schedule": "name",
    "aws_sns_topic": "name",
    "aws_sqs_queue": "name",
}


@dataclass(frozen=True, slots=True)
class _Use:
    """That a role may do something by a key, through services."""

    key: str
    role: str
    action: str


def is_deployment(state: _Json) -> bool:
    """Say whether a state is of a whole deployment: with keys, and with those who use them."""
    types = {resource["type"] for resource in resources_in(state)}
    return {"aws_kms_key", "aws_iam_role", "aws_s3_bucket"} <= types


def faults_of(state: _Json) -> list[str]:
    """Return what does not hold of a deployment."""
    made: dict[str, list[_Json]] = {}
    for resource in resources_in(state):
        made.setdefault(resource["type"], []).append(resource)
    rules: Sequence[Callable[[Mapping[str, list[_Json]]], Iterator[str]]] = (
        _unencrypted, _open, _unwatched, _untold, _unnamed, _misused,
    )  # fmt: skip
    return [fault for rule in rules for fault in rule(made)]


def _unencrypted(made: Mapping[str, list[_Json]]) -> Iterator[str]:
    keys = {key["values"]["arn"] for key in made.get("aws_kms_key", ())}
    for kind, path in _KEY_OF.items():
        for resource in made.get(kind, ()):
            if _at(resource["values"], path) not in keys:
                yield f"{resource['address']} is not encrypted by a key of the deployment"
    ruled = {
        each["values"]["bucket"]: each["values"]
        for each in made.get(f"{_BUCKET}_server_side_encryption_configuration", ())
    }
    for bucket in made.get(_BUCKET, ()):
        name = bucket["values"]["bucket"]
        path = ("rule", "apply_server_side_encryption_by_default", "kms_master_key_id")
        if _at(ruled.get(name, {}), path) not in keys and not (name in ruled and _WITHOUT_KEY in name):
            yield f"{bucket['address']} is not encrypted by a key of the deployment"


def _open(made: Mapping[str, list[_Json]]) -> Iterator[str]:
    yield from (f"{each['address']} leads in or out" for kind in _OPEN_TYPES for each in made.get(kind, ()))
    blocked = {
        each["values"]["bucket"]
        for each in made.get(f"{_BUCKET}_public_access_block", ())
        if all(each["values"].get(name) is True for name in _BLOCKS)
    }
    for bucket in made.get(_BUCKET, ()):
        if bucket["values"]["bucket"] not in blocked:
            yield f"{bucket['address']} can be made public"
    for rule in made.get("aws_vpc_security_group_ingress_rule", ()):
        if {rule["values"].get("cidr_ipv4"), rule["values"].get("cidr_ipv6")} & _ANYWHERE:
            yield f"{rule['address']} lets anybody in"
    for subnet in made.get("aws_subnet", ()):
        if subnet["values"].get("map_public_ip_on_launch"):
            yield f"{subnet['address']} gives public addresses"
    for group in made.get("aws_redshiftserverless_workgroup", ()):
        if group["values"].get("publicly_accessible") is not False:
            yield f"{group['address']} is public"


def _unwatched(made: Mapping[str, list[_Json]]) -> Iterator[str]:
    """Queues that something gives up to, and that no alarm looks at."""
    texts = json.dumps([alarm["values"] for alarm in made.get("aws_cloudwatch_metric_alarm", ())])
    targets = _given_up_to(made)
    for queue in made.get("aws_sqs_queue", ()):
        is_dead = queue["values"]["arn"] in targets or queue["values"]["name"].endswith("-dead-letters")
        if is_dead and f'"QueueName": "{queue["values"]["name"]}"' not in texts:
            yield f"{queue['address']} gets what failed, and has no alarm"


def _given_up_to(made: Mapping[str, list[_Json]]) -> set[object]:
    policies = [
        json.loads(each["values"]["redrive_policy"])["deadLetterTargetArn"]
        for kind in ("aws_sqs_queue", "aws_sns_topic_subscription")
        for each in made.get(kind, ())
        # What is not given is made up, and is no policy.
        if str(each["values"].get("redrive_policy")).startswith("{")
    ]
    targets = [
        _at(each["values"], ("dead_letter_config", "arn")) for each in made.get("aws_cloudwatch_event_target", ())
    ]
    schedules = [
        _at(each["values"], ("target", "dead_letter_config", "arn")) for each in made.get("aws_scheduler_schedule", ())
    ]
    return {*policies, *targets, *schedules} - {None}


def _untold(made: Mapping[str, list[_Json]]) -> Iterator[str]:
    """Alarms that tell nobody, or somebody who is not of the deployment."""
    topics = {topic["values"]["arn"] for topic in made.get("aws_sns_topic", ())}
    told = {each["values"]["topic_arn"] for each in made.get("aws_sns_topic_subscription", ())}
    alarms = made.get("aws_cloudwatch_metric_alarm", [])
    for alarm in alarms:
        actions = set(alarm["values"].get("alarm_actions") or ())
        if not actions or not actions <= topics:
            yield f"{alarm['address']} tells no topic of the deployment"
        elif not actions & told:
            yield f"{alarm['address']} tells a topic that nobody has subscribed"
    if not alarms:
        yield "there is no alarm"


def _unnamed(made: Mapping[str, list[_Json]]) -> Iterator[str]:
    """Names that do not begin with that of the deployment, which its keys' aliases begin with too."""
    aliases = [alias["values"]["name"] for alias in made.get("aws_kms_alias", ())]
    begins = {alias.removeprefix("alias/").rpartition("-")[0] for alias in aliases}
    if len(begins) != 1:
        yield f"the keys' aliases do not begin with one name: {sorted(aliases)}"
        return
    [name] = begins
    for kind, attribute in _NAMES.items():
        for resource in made.get(kind, ()):
            called = resource["values"][attribute]
            if not f"{called}-".startswith(f"{name}-"):
                yield f"{resource['address']} is called {called}, which does not begin with {name}"
    for group in made.get("aws_cloudwatch_log_group", ()):
        if name not in group["values"]["name"]:
            yield f"{group['address']} is called {group['values']['name']}, in which {name} is not"


def _misused(made: Mapping[str, list[_Json]]) -> Iterator[str]:
    """Uses of a key that the policy of the key allows and that of the role does not, or the reverse."""
    keys = {key["values"]["arn"]: key["address"] for key in made.get("aws_kms_key", ())}
    roles = {role["values"]["name"] for role in made.get("aws_iam_role", ())}
    by_key = _allowed_by_keys(made)
    by_role = _allowed_by_roles(made)
    for use, services in sorted(by_role.items(), key=lambda each: str(each[0])):
        if use.key not in keys:
            yield f"role {use.role} may {use.action} by {use.key}, which is no key of the deployment"
        elif use not in by_key:
            yield f"role {use.role} may {use.action} by {keys[use.key]}, whose policy does not know it"
        elif beyond := services - by_key[use]:
            yield f"role {use.role} may {use.action} by {keys[use.key]} through {sorted(beyond)}, and not by its policy"
    for use in sorted(by_key, key=str):
        if use.role in roles and use.action in _USES and use not in by_role:
            yield f"{keys[use.key]} lets role {use.role} {use.action}, whose own policy does not"


def _allowed_by_keys(made: Mapping[str, list[_Json]]) -> dict[_Use, set[str]]:
    found: dict[_Use, set[str]] = {}
    for key in made.get("aws_kms_key", ()):
        for statement in listed(json.loads(key["values"]["policy"])["Statement"]):
            conditions = statement.get("Condition", {})
            services = set(listed(conditions.get("StringEquals", {}).get("kms:ViaService", [])))
            for arn in listed(conditions.get("ArnEquals", {}).get("aws:PrincipalArn", [])):
                for action in listed(statement["Action"]):
                    use = _Use(key["values"]["arn"], arn.rpartition("/")[2], action)
                    found.setdefault(use, set()).update(services)
    return found


def _allowed_by_roles(made: Mapping[str, list[_Json]]) -> dict[_Use, set[str]]:
    names = {role["values"]["id"]: role["values"]["name"] for role in made.get("aws_iam_role", ())}
    found: dict[_Use, set[str]] = {}
    for policy in made.get("aws_iam_role_policy", ()):
        role = names.get(policy["values"]["role"], policy["values"]["role"])
        for statement in listed(json.loads(policy["values"]["policy"])["Statement"]):
            services = set(
                listed(statement.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService", ["any service"]))
            )
            for action in listed(statement.get("Action", [])):
                for key in listed(statement["Resource"]) if action.startswith("kms:") else ():
                    found.setdefault(_Use(key, role, action), set()).update(services)
    return found


def _at(value: Any, path: Sequence[str]) -> Any:
    """Return what is at a path of attributes, through blocks of which there is one; None where there is nothing."""
    for name in path:
        if isinstance(value, list):
            value = value[0] if value else None
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
