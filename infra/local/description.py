"""What exists in the emulated account: the one description of it, and its idempotent creation.

Refuses nothing and deletes nothing: what is there already is left as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, cast

from infra.deployment import FUNCTION_MAX_RECEIVES
from schemas.lake import RAW_PREFIX
from schemas.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import TableInputTypeDef
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import QueueConfigurationTypeDef
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

REGION = "us-east-1"
# How long the function may take for a batch. A message shows up again after that and not before: else a second
# invocation would meet the first one's claims.
FUNCTION_TIMEOUT_S = 60
_VISIBILITY_S = 90
# The longest that SQS has.
_LONGEST_RETENTION_S = 14 * 24 * 3600
_Request = ParamSpec("_Request")


@dataclass(frozen=True, slots=True)
class Description:
    """The resources by name; both Glue databases keep their tables in the curated bucket.

    Attributes:
        dropped_files: the queue of what S3 says about the raw bucket; the function reads it.
        dropped_files_dead: what that queue gave out too often.
        raw_objects: another queue of what S3 says about the raw bucket; the compaction reads it.
    """

    stream: str = "clickstream"
    shards: int = 2
    raw_bucket: str = "clickstream-raw"
    curated_bucket: str = "clickstream-curated"
    alerts_topic: str = "PurchaseAlerts"
    dead_letter_queue: str = "clickstream-dead-letters"
    dropped_files: str = "clickstream-dropped-files"
    dropped_files_dead: str = "clickstream-dropped-files-dead"
    dropped_files_table: str = "clickstream-dropped-files"
    raw_objects: str = "clickstream-raw-objects"
    database: str = "clickstream"
    raw_database: str = "clickstream_raw"


DESCRIPTION = Description()


@dataclass(frozen=True, slots=True)
class Clients:
    """One client of each service in use, all of one account and endpoint."""

    kinesis: KinesisClient
    s3: S3Client
    sns: SNSClient
    sqs: SQSClient
    glue: GlueClient
    dynamodb: DynamoDBClient


def aws_environment(endpoint: str) -> dict[str, str]:
    """Return the standard variables that send every AWS SDK to the emulator, with credentials AWS would refuse."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }


def connect(environment: Mapping[str, str]) -> Clients:
    """Return clients for the endpoint and credentials of `aws_environment`, whatever the process environment says."""
    import boto3
    from botocore.config import Config

    session = boto3.Session(
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_REGION"],
    )
    endpoint = environment["AWS_ENDPOINT_URL"]
    # One attempt: whoever calls decides whether and how long to retry.
    config = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 1})
    return Clients(
        kinesis=session.client("kinesis", endpoint_url=endpoint, config=config),
        s3=session.client("s3", endpoint_url=endpoint, config=config),
        sns=session.client("sns", endpoint_url=endpoint, config=config),
        sqs=session.client("sqs", endpoint_url=endpoint, config=config),
        glue=session.client("glue", endpoint_url=endpoint, config=config),
        dynamodb=session.client("dynamodb", endpoint_url=endpoint, config=config),
    )


def create(description: Description, clients: Clients) -> Settings:
    """Create whatever of the description does not exist yet and return the settings that name it all."""
    from schemas import hive

    kinesis, s3, glue = clients.kinesis, clients.s3, clients.glue
    _unless_there(
        kinesis.exceptions.ResourceInUseException,
        kinesis.create_stream,
        StreamName=description.stream,
        ShardCount=description.shards,
    )
    for bucket in (description.raw_bucket, description.curated_bucket):
        _unless_there(s3.exceptions.BucketAlreadyOwnedByYou, s3.create_bucket, Bucket=bucket)
    for database in (description.database, description.raw_database):
        _unless_there(
            glue.exceptions.AlreadyExistsException,
            glue.create_database,
            DatabaseInput={"Name": database, "LocationUri": f"s3://{description.curated_bucket}/{database}"},
        )
    for table in (hive.raw_glue_table(description.raw_bucket), hive.receipts_glue_table(description.curated_bucket)):
        _unless_there(
            glue.exceptions.AlreadyExistsException,
            glue.create_table,
            DatabaseName=description.raw_database,
            TableInput=cast("TableInputTypeDef", table),
        )
    create_function_resources(description, clients)
    clients.sns.create_topic(Name=f"{description.alerts_topic}.fifo", Attributes={"FifoTopic": "true"})
    return Settings(
        stream=description.stream,
        raw_bucket=description.raw_bucket,
        curated_bucket=description.curated_bucket,
        alerts_topic_arn=clients.sns.create_topic(Name=description.alerts_topic)["TopicArn"],
        dead_letter_queue_url=clients.sqs.create_queue(QueueName=description.dead_letter_queue)["QueueUrl"],
        database=description.database,
        raw_database=description.raw_database,
        dropped_files_table=description.dropped_files_table,
        raw_objects_queue_url=_create_raw_objects_queue(description, clients),
    )


def create_function_resources(description: Description, clients: Clients) -> None:
    """Create what the function for dropped files works with: table, queue with its dead-letter queue, notification."""
    dynamodb, sqs = clients.dynamodb, clients.sqs
    _unless_there(
        dynamodb.exceptions.ResourceInUseException,
        dynamodb.create_table,
        TableName=description.dropped_files_table,
        AttributeDefinitions=[{"AttributeName": "event_key", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "event_key", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.update_time_to_live(
        TableName=description.dropped_files_table,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"},
    )
    dead_arn = _arn_of(sqs, sqs.create_queue(QueueName=description.dropped_files_dead)["QueueUrl"])
    redrive = {"deadLetterTargetArn": dead_arn, "maxReceiveCount": FUNCTION_MAX_RECEIVES}
    attributes: dict[QueueAttributeNameType, str] = {
        "VisibilityTimeout": str(_VISIBILITY_S),
        "RedrivePolicy": json.dumps(redrive),
    }
    queue_url = sqs.create_queue(QueueName=description.dropped_files, Attributes=attributes)["QueueUrl"]
    _tell_of_objects(description, clients, queue_url)


def _create_raw_objects_queue(description: Description, clients: Clients) -> str:
    # No redrive: what no run committed is not lost to the next one.
    retention: dict[QueueAttributeNameType, str] = {"MessageRetentionPeriod": str(_LONGEST_RETENTION_S)}
    queue_url = clients.sqs.create_queue(QueueName=description.raw_objects, Attributes=retention)["QueueUrl"]
    _tell_of_objects(description, clients, queue_url)
    return queue_url


def _tell_of_objects(description: Description, clients: Clients, queue_url: str) -> None:
    """Have S3 tell a queue of everything below the raw prefix: it cannot leave out what Firehose put."""
    s3, bucket = clients.s3, description.raw_bucket
    told = s3.get_bucket_notification_configuration(Bucket=bucket).get("QueueConfigurations", [])
    arn = _arn_of(clients.sqs, queue_url)
    if arn not in [queue["QueueArn"] for queue in told]:
        queue: QueueConfigurationTypeDef = {
            "QueueArn": arn,
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": RAW_PREFIX}]}},
        }
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [*told, queue]}
        )


def _arn_of(sqs: SQSClient, queue_url: str) -> str:
    return sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def _unless_there(
    already: type[Exception], create_it: Callable[_Request, object], *args: _Request.args, **request: _Request.kwargs
) -> None:
    try:
        create_it(*args, **request)
    except already:
        return
