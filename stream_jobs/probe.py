"""What the job asks of its surroundings before it starts: a wrong name is told at once, not by a job that fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from schemas.aws_errors import is_transient
from schemas.errors import ConfigError, WorkFailedError
from schemas.instants import datetime_to_us
from schemas.settings import Settings
from stream_jobs import aws_calls, lives
from stream_jobs.rules import Rules


@dataclass(frozen=True, slots=True)
class Stream:
    """Which stream it is: a digest that no other one has, when it was created, and its ARN."""

    identity: str
    created_us: int
    arn: str


def probe(settings: Settings, rules: Rules) -> Stream:
    """Ask for everything the job needs, and return which stream it is.

    Raises:
        ConfigError: a name does not exist, or there are no credentials or region.
        WorkFailedError: the endpoint does not answer.
    """
    kinesis, sns, sqs, s3 = (aws_calls.client(service) for service in ("kinesis", "sns", "sqs", "s3"))
    described = "StreamDescriptionSummary"
    summary = _ask(
        f"stream {settings.stream}",
        lambda: aws_calls.having(described, kinesis.describe_stream_summary(StreamName=settings.stream)),
    )[described]
    for topic_arn in dict.fromkeys(rules.topic_arns().values()):
        _ask(f"topic {topic_arn}", lambda arn=topic_arn: sns.get_topic_attributes(TopicArn=arn))  # type: ignore[misc]
    queue_url = settings.dead_letter_queue_url
    _ask(
        f"queue {queue_url}",
        lambda: sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"]),
    )
    _ask(f"bucket {settings.curated_bucket}", lambda: s3.head_bucket(Bucket=settings.curated_bucket))
    created_us = datetime_to_us(summary["StreamCreationTimestamp"])
    stream_arn = summary["StreamARN"]
    return Stream(lives.stream_identity(stream_arn, created_us), created_us, stream_arn)


def _ask(what: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except ClientError as error:
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
        message = f"{what} cannot be used: {error}"
        may_recover = is_transient(aws_calls.code_of(error), status)
        raise (WorkFailedError(message) if may_recover else ConfigError(message)) from error
    except (NoCredentialsError, NoRegionError) as error:
        raise ConfigError(f"{what} cannot be asked for: {error}") from error
    except BotoCoreError as error:
        raise WorkFailedError(
            f"{what} cannot be reached: {error}. Is the stack up? See `clickstream status`, or start it with "
            "`clickstream up`"
        ) from error
