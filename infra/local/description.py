"""What exists in the emulated account: the one description of it, and its idempotent creation.

Refuses nothing and deletes nothing: what is there already is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, cast

from schemas.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import TableInputTypeDef
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

REGION = "us-east-1"
_Request = ParamSpec("_Request")


@dataclass(frozen=True, slots=True)
class Description:
    """The resources by name; both Glue databases keep their tables in the curated bucket."""

    stream: str = "clickstream"
    shards: int = 2
    raw_bucket: str = "clickstream-raw"
    curated_bucket: str = "clickstream-curated"
    alerts_topic: str = "PurchaseAlerts"
    dead_letter_queue: str = "clickstream-dead-letters"
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
    _unless_there(
        glue.exceptions.AlreadyExistsException,
        glue.create_table,
        DatabaseName=description.raw_database,
        TableInput=cast("TableInputTypeDef", hive.raw_glue_table(description.raw_bucket)),
    )
    return Settings(
        stream=description.stream,
        raw_bucket=description.raw_bucket,
        curated_bucket=description.curated_bucket,
        alerts_topic_arn=clients.sns.create_topic(Name=description.alerts_topic)["TopicArn"],
        dead_letter_queue_url=clients.sqs.create_queue(QueueName=description.dead_letter_queue)["QueueUrl"],
        database=description.database,
        raw_database=description.raw_database,
    )


def _unless_there(
    already: type[Exception], create_it: Callable[_Request, object], *args: _Request.args, **request: _Request.kwargs
) -> None:
    try:
        create_it(*args, **request)
    except already:
        return
