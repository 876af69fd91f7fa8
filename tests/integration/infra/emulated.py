"""A deployment brought to the emulator: of what Terraform renders, all that the emulator has a service for.

The emulator's account and region are those that the state was made for, so that its ARNs hold there too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.conftest import LocalStack
from tests.deployments import Deployment

# What a provider that calls nobody says where AWS would choose.
_CHOSEN_BY_AWS = "synthetic-"


def bring(deployment: Deployment, emulator: LocalStack) -> None:
    """Make queues, topics, subscriptions, buckets, rules, the table and the catalog.

    The queues of subscribers, which are not the deployment's, have to be there.
    """
    _bring_queues(deployment, emulator.client("sqs"))
    _bring_topics(deployment, emulator.client("sns"))
    _bring_buckets(deployment, emulator.client("s3"))
    _bring_rules(deployment, emulator.client("events"))
    _bring_tables(deployment, emulator.client("glue"), emulator.client("dynamodb"))


def given(values: Any) -> Any:
    """Return what was given for a resource: without what is empty or AWS's to choose, in single blocks and in lists."""
    if isinstance(values, dict):
        kept = {key: given(value) for key, value in values.items()}
        return {key: value for key, value in kept.items() if value not in (None, "", [], {})}
    if isinstance(values, list):
        return [given(value) for value in values]
    return None if isinstance(values, str) and values.startswith(_CHOSEN_BY_AWS) else values


def _each(deployment: Deployment, of_type: str) -> Iterator[dict[str, Any]]:
    yield from (given(resource.values) for resource in deployment.all(of_type))


def _bring_queues(deployment: Deployment, sqs: Any) -> None:
    # A queue's dead-letter queue has to be there before.
    queues = sorted(_each(deployment, "aws_sqs_queue"), key=lambda queue: "redrive_policy" in queue)
    names = {
        "visibility_timeout_seconds": "VisibilityTimeout",
        "message_retention_seconds": "MessageRetentionPeriod",
        "kms_master_key_id": "KmsMasterKeyId",
        "kms_data_key_reuse_period_seconds": "KmsDataKeyReusePeriodSeconds",
        "redrive_policy": "RedrivePolicy",
    }
    for queue in queues:
        attributes = {name: str(queue[key]) for key, name in names.items() if key in queue}
        sqs.create_queue(QueueName=queue["name"], Attributes=attributes)
    for of_type, key, attribute in (
        ("aws_sqs_queue_policy", "policy", "Policy"),
        ("aws_sqs_queue_redrive_policy", "redrive_policy", "RedrivePolicy"),
        ("aws_sqs_queue_redrive_allow_policy", "redrive_allow_policy", "RedriveAllowPolicy"),
    ):
        for policy in _each(deployment, of_type):
            url = sqs.get_queue_url(QueueName=policy["queue_url"].rpartition("/")[2])["QueueUrl"]
            sqs.set_queue_attributes(QueueUrl=url, Attributes={attribute: policy[key]})


def _bring_topics(deployment: Deployment, sns: Any) -> None:
    for topic in _each(deployment, "aws_sns_topic"):
        attributes = {"KmsMasterKeyId": topic["kms_master_key_id"]}
        assert sns.create_topic(Name=topic["name"], Attributes=attributes)["TopicArn"] == topic["arn"]
    for policy in _each(deployment, "aws_sns_topic_policy"):
        sns.set_topic_attributes(TopicArn=policy["arn"], AttributeName="Policy", AttributeValue=policy["policy"])
    names = {
        "raw_message_delivery": "RawMessageDelivery",
        "filter_policy": "FilterPolicy",
        "filter_policy_scope": "FilterPolicyScope",
        "redrive_policy": "RedrivePolicy",
    }
    for subscription in _each(deployment, "aws_sns_topic_subscription"):
        attributes = {name: _text(subscription[key]) for key, name in names.items() if key in subscription}
        sns.subscribe(
            TopicArn=subscription["topic_arn"],
            Protocol=subscription["protocol"],
            Endpoint=subscription["endpoint"],
            Attributes=attributes,
        )


def _text(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else value


def _bring_buckets(deployment: Deployment, s3: Any) -> None:
    for bucket in _each(deployment, "aws_s3_bucket"):
        s3.create_bucket(Bucket=bucket["bucket"])
    for found in _each(deployment, "aws_s3_bucket_versioning"):
        [status] = [block["status"] for block in found["versioning_configuration"]]
        if status == "Enabled":
            s3.put_bucket_versioning(Bucket=found["bucket"], VersioningConfiguration={"Status": status})
    for found in _each(deployment, "aws_s3_bucket_server_side_encryption_configuration"):
        rules = [_encryption_rule(rule) for rule in found["rule"]]
        s3.put_bucket_encryption(Bucket=found["bucket"], ServerSideEncryptionConfiguration={"Rules": rules})
    for found in _each(deployment, "aws_s3_bucket_public_access_block"):
        s3.put_public_access_block(
            Bucket=found["bucket"],
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": found["block_public_acls"],
                "IgnorePublicAcls": found["ignore_public_acls"],
                "BlockPublicPolicy": found["block_public_policy"],
                "RestrictPublicBuckets": found["restrict_public_buckets"],
            },
        )
    # No policies: the emulator takes a denial for one whatever its condition says.
    for found in _each(deployment, "aws_s3_bucket_notification"):
        told: dict[str, Any] = {"EventBridgeConfiguration": {}} if found["eventbridge"] else {}
        s3.put_bucket_notification_configuration(Bucket=found["bucket"], NotificationConfiguration=told)


def _encryption_rule(rule: dict[str, Any]) -> dict[str, Any]:
    [default] = rule["apply_server_side_encryption_by_default"]
    applied = {"SSEAlgorithm": default["sse_algorithm"]}
    if key := default.get("kms_master_key_id"):
        applied["KMSMasterKeyID"] = key
    return {"ApplyServerSideEncryptionByDefault": applied, "BucketKeyEnabled": rule["bucket_key_enabled"]}


def _bring_rules(deployment: Deployment, events: Any) -> None:
    for rule in _each(deployment, "aws_cloudwatch_event_rule"):
        events.put_rule(Name=rule["name"], EventPattern=rule["event_pattern"])
    for target in _each(deployment, "aws_cloudwatch_event_target"):
        events.put_targets(Rule=target["rule"], Targets=[{"Id": target["target_id"], "Arn": target["arn"]}])


def _bring_tables(deployment: Deployment, glue: Any, dynamodb: Any) -> None:
    for database in _each(deployment, "aws_glue_catalog_database"):
        described = {"Name": database["name"], "LocationUri": database["location_uri"]}
        glue.create_database(DatabaseInput=described)
    for table in _each(deployment, "aws_glue_catalog_table"):
        glue.create_table(DatabaseName=table["database_name"], TableInput=_table_input(table))
    for table in _each(deployment, "aws_dynamodb_table"):
        dynamodb.create_table(
            TableName=table["name"],
            AttributeDefinitions=[
                {"AttributeName": each["name"], "AttributeType": each["type"]} for each in table["attribute"]
            ],
            KeySchema=[{"AttributeName": table["hash_key"], "KeyType": "HASH"}],
            BillingMode=table["billing_mode"],
        )
        [ttl] = table["ttl"]
        dynamodb.update_time_to_live(
            TableName=table["name"],
            TimeToLiveSpecification={"Enabled": ttl["enabled"], "AttributeName": ttl["attribute_name"]},
        )


def _table_input(table: dict[str, Any]) -> dict[str, Any]:
    [storage] = table["storage_descriptor"]
    [serde] = storage["ser_de_info"]
    return {
        "Name": table["name"],
        "TableType": table["table_type"],
        "Parameters": table["parameters"],
        "PartitionKeys": [{"Name": key["name"], "Type": key["type"]} for key in table["partition_keys"]],
        "StorageDescriptor": {
            "Columns": [{"Name": column["name"], "Type": column["type"]} for column in storage["columns"]],
            "Location": storage["location"],
            "InputFormat": storage["input_format"],
            "OutputFormat": storage["output_format"],
            "SerdeInfo": {
                "SerializationLibrary": serde["serialization_library"],
                "Parameters": serde.get("parameters", {}),
            },
        },
    }
