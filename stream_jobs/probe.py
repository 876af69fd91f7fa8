"""What the job asks of its surroundings before it starts: a wrong name is told at once, not by a job that fails."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.instants import datetime_to_us
from schemas.settings import Settings
from stream_jobs import aws_calls, lives
from stream_jobs.asking import ask, require_queue
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
    kinesis, sqs, s3 = (aws_calls.client(service) for service in ("kinesis", "sqs", "s3"))
    described = "StreamDescriptionSummary"
    summary = ask(
        f"stream {settings.stream}",
        lambda: aws_calls.having(described, kinesis.describe_stream_summary(StreamName=settings.stream)),
    )[described]
    require_topics(rules.topic_arns().values())
    require_queue(sqs, settings.dead_letter_queue_url)
    ask(f"bucket {settings.curated_bucket}", lambda: s3.head_bucket(Bucket=settings.curated_bucket))
    created_us = datetime_to_us(summary["StreamCreationTimestamp"])
    stream_arn = summary["StreamARN"]
    return Stream(lives.stream_identity(stream_arn, created_us), created_us, stream_arn)


def require_topics(topic_arns: Iterable[str]) -> None:
    """Do nothing where the topics exist; raises what `probe` does."""
    sns = aws_calls.client("sns")
    for topic_arn in dict.fromkeys(topic_arns):
        ask(f"topic {topic_arn}", lambda arn=topic_arn: sns.get_topic_attributes(TopicArn=arn))  # type: ignore[misc]
