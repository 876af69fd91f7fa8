"""The deployment on AWS as a picture: what is in it, by module, and what goes from where to where.

Nodes and arrows are written down here, since which of a module's resources a reader wants to see is a matter of taste.
That each is there is not: a node is a resource of its module, and an arrow between modules goes along a reference that
`modules/pipeline` makes, in one direction or the other. A test fails where it does not. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """A resource of a module, or with neither what is outside of the deployment.

    Attributes:
        text: what it is to a reader.
        module: of the pipeline; empty outside of it.
        resource: type and name in the module's text, `aws_kinesis_stream.this`.
        keeps: it is a store.
    """

    text: str
    module: str = ""
    resource: str = ""
    keeps: bool = False


@dataclass(frozen=True, slots=True)
class Arrow:
    """What goes from a node to another."""

    source: str
    target: str
    what: str


NODES: Mapping[str, Node] = {
    "producers": Node("producers<br>role producer"),
    "others": Node("files of others"),
    "subscribers": Node("subscribers<br>SQS, HTTPS, e-mail, Lambda"),
    "analysts": Node("analysts<br>role analyst"),
    "readers": Node("another account<br>role reader"),
    "operators": Node("operators<br>role operator"),
    "oncall": Node("who is on call"),
    "stream": Node("Kinesis stream", "ingest", "aws_kinesis_stream.this", keeps=True),
    "firehose": Node("Firehose", "ingest", "aws_kinesis_firehose_delivery_stream.this"),
    "buckets": Node("buckets<br>raw, curated, results, artifacts", "lake", "aws_s3_bucket.this", keeps=True),
    "job": Node("alert job<br>Managed Flink", "stream_job", "aws_kinesisanalyticsv2_application.this"),
    "topics": Node("SNS topics", "alerts", "aws_sns_topic.this"),
    "letters": Node("dead letters<br>SQS", "alerts", "aws_sqs_queue.dead_letters", keeps=True),
    "dropped": Node("queue of dropped files<br>SQS", "dropped_files", "aws_sqs_queue.this", keeps=True),
    "function": Node("function<br>Lambda", "dropped_files", "aws_lambda_function.this"),
    "claims": Node("what is done<br>DynamoDB", "dropped_files", "aws_dynamodb_table.this", keeps=True),
    "images": Node("images<br>ECR", "compaction", "aws_ecr_repository.this", keeps=True),
    "schedules": Node("schedules", "compaction", "aws_scheduler_schedule.this"),
    "task": Node("compaction<br>Fargate task", "compaction", "aws_ecs_task_definition.this"),
    "objects": Node("queue of raw objects<br>SQS", "compaction", "aws_sqs_queue.raw_objects", keeps=True),
    "catalog": Node("Glue databases, tables", "catalog", "aws_glue_catalog_database.this", keeps=True),
    "athena": Node("Athena workgroup", "query", "aws_athena_workgroup.this"),
    "warehouse": Node("Redshift Serverless<br>where enabled", "query", "aws_redshiftserverless_workgroup.this"),
    "alarms": Node("alarms, dashboard", "observability", "aws_cloudwatch_metric_alarm.this"),
    "notices": Node("SNS topics of alarms", "observability", "aws_sns_topic.this"),
    "trail": Node("trail, budget", "audit", "aws_cloudtrail.this"),
    "network": Node("VPC without a way out", "network", "aws_vpc.this"),
    "endpoints": Node("endpoints", "network", "aws_vpc_endpoint.interface"),
    "keys": Node("a key for each domain", "keys", "aws_kms_key.this"),
    "roles": Node("roles of people, boundary of all roles", "access", "aws_iam_policy.boundary"),
}

ARROWS: Sequence[Arrow] = (
    Arrow("producers", "stream", "records"),
    Arrow("stream", "firehose", "all"),
    Arrow("firehose", "buckets", "raw objects"),
    Arrow("others", "buckets", "files"),
    Arrow("stream", "job", "all"),
    Arrow("job", "topics", "alerts"),
    Arrow("job", "letters", "what cannot be alerted"),
    Arrow("job", "buckets", "receipts"),
    Arrow("buckets", "dropped", "told of objects"),
    Arrow("dropped", "function", "in batches"),
    Arrow("function", "claims", "once each"),
    Arrow("function", "topics", "alerts"),
    Arrow("function", "letters", "what cannot be alerted"),
    Arrow("topics", "subscribers", "filtered"),
    Arrow("buckets", "objects", "told of objects"),
    Arrow("objects", "task", "what is new"),
    Arrow("schedules", "task", "each hour and day"),
    Arrow("images", "task", "by digest"),
    Arrow("buckets", "task", "raw objects"),
    Arrow("task", "buckets", "tables"),
    Arrow("task", "catalog", "commits"),
    Arrow("catalog", "athena", "tables"),
    Arrow("buckets", "athena", "objects"),
    Arrow("catalog", "warehouse", "tables"),
    Arrow("buckets", "warehouse", "objects"),
    Arrow("athena", "analysts", "results"),
    Arrow("buckets", "readers", "tables"),
    Arrow("operators", "letters", "redrive"),
    Arrow("alarms", "notices", "changes"),
    Arrow("notices", "oncall", "e-mail, page"),
    Arrow("trail", "buckets", "who did what"),
    Arrow("job", "endpoints", "calls"),
    Arrow("function", "endpoints", "calls"),
    Arrow("task", "endpoints", "calls"),
)


def mermaid(nodes: Mapping[str, Node] = NODES, arrows: Sequence[Arrow] = ARROWS) -> str:
    """Return the picture as a flowchart of Mermaid, the same text each time."""
    return "\n".join(_lines(nodes, arrows)) + "\n"


def _lines(nodes: Mapping[str, Node], arrows: Sequence[Arrow]) -> Iterator[str]:
    yield "flowchart LR"
    yield from (f"    {name}([{node.text}])" for name, node in nodes.items() if not node.module)
    for module in dict.fromkeys(node.module for node in nodes.values() if node.module):
        yield f"    subgraph module_{module}[{module}]"
        for name, node in nodes.items():
            if node.module == module:
                yield f"        {name}[({node.text})]" if node.keeps else f"        {name}[{node.text}]"
        yield "    end"
    yield from (f"    {arrow.source} -->|{arrow.what}| {arrow.target}" for arrow in arrows)
