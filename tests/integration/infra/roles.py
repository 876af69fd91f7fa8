"""What each role is for: the programs that run under it, and what AWS itself asks of it beside what they call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# Reasons, with the source of each; the actions are on the pages named.
_KEYS = "keys of our own encrypt; AWS KMS developer guide, 'How AWS services use AWS KMS'"
_ATTACHED = "attached to the VPC; Lambda developer guide, 'Giving Lambda functions access to resources in a VPC'"
_POLLED = "Lambda polls the queue as the function; Lambda developer guide, 'Creating an execution role for SQS'"
_LAMBDA_LOG = "Lambda writes the log as the function; managed policy AWSLambdaBasicExecutionRole"
_VERSIONS = "the bucket has versions, and a version is asked for by its id; S3 API reference, GetObject"
_GONE = "S3 says 404 and not 403 of what is gone; S3 API reference, HeadObject and GetObject, 'Permissions'"
_PACKAGE = "the service fetches the package; Managed Flink developer guide, 'Identity-based policies: application code'"
_FLINK_LOG = "the service writes the log; Managed Flink developer guide, 'Set up application logging'"
_FLINK_VPC = "attached to the VPC; Managed Flink developer guide, 'VPC application permissions'"
_FIREHOSE = "Firehose delivers; Firehose developer guide, 'Grant Firehose access to an Amazon S3 destination'"
_ECS = "ECS starts the task; ECS developer guide, 'Amazon ECS task execution IAM role'"
_SCHEDULER = "EventBridge Scheduler starts the task; its user guide, 'Managing execution roles'"
_ATHENA = "Athena reads and writes as who asked; Athena user guide, 'Access to workgroups' and 'Access to Amazon S3'"
_TABLES = "an engine of the other account reads the tables; Athena user guide, 'Cross-account access to Data Catalogs'"
_CRAWLER = "Glue crawls the folders of partners; Glue developer guide, 'Crawler prerequisites'"
_SPECTRUM = "Redshift reads the lake; Redshift database developer guide, 'IAM policies for Amazon Redshift Spectrum'"
_FLOW_LOGS = "VPC writes the flow log; VPC user guide, 'IAM role for publishing flow logs to CloudWatch Logs'"
_OPERATES = "an operator starts, stops and looks at runs by the console or the AWS command line: docs/operations.md"
_MOVES = "SQS moves messages back; SQS developer guide, 'Configuring queue permissions for a dead-letter queue redrive'"


@dataclass(frozen=True, slots=True)
class Role:
    """A role of a deployment.

    Attributes:
        programs: what runs under it, by the names of the recorder.
        beside: action -> why AWS wants it, with the source, although no program calls it.
    """

    programs: tuple[str, ...] = ()
    beside: Mapping[str, str] = field(default_factory=dict)


def _all(reason: str, *actions: str) -> dict[str, str]:
    return dict.fromkeys(actions, reason)


_READS_CATALOG = (
    "glue:BatchGetPartition",
    "glue:GetDatabase",
    "glue:GetDatabases",
    "glue:GetPartition",
    "glue:GetPartitions",
    "glue:GetTable",
    "glue:GetTables",
)
_OF_BATCH = ("compact", "enrich", "validate", "maintain")

# By what follows the deployment's name.
ROLES: dict[str, Role] = {
    "alert-job": Role(
        ("alert-job",),
        _all(_KEYS, "kms:Decrypt", "kms:GenerateDataKey")
        | _all(_PACKAGE, "s3:GetObject", "s3:GetObjectVersion")
        | _all(_FLINK_LOG, "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents")
        | _all(
            _FLINK_VPC,
            "ec2:CreateNetworkInterface",
            "ec2:CreateNetworkInterfacePermission",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
        ),
    ),
    "dropped-files": Role(
        ("dropped-files",),
        _all(_KEYS, "kms:Decrypt", "kms:GenerateDataKey")
        | _all(_POLLED, "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
        | _all(_VERSIONS, "s3:GetObjectVersion")
        | _all(_GONE, "s3:ListBucket")
        | _all(_LAMBDA_LOG, "logs:CreateLogStream", "logs:PutLogEvents")
        | _all(
            _ATTACHED,
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
        ),
    ),
    "compaction": Role(_OF_BATCH, _all(_KEYS, "kms:Decrypt", "kms:GenerateDataKey")),
    "compaction-execution": Role(
        (),
        _all(
            _ECS,
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetAuthorizationToken",
            "ecr:GetDownloadUrlForLayer",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
        ),
    ),
    "scheduler": Role(
        (),
        _all(_SCHEDULER, "ecs:RunTask", "iam:PassRole", "sqs:SendMessage")
        | _all(_KEYS, "kms:Decrypt", "kms:GenerateDataKey"),
    ),
    "firehose": Role(
        (),
        _all(
            _FIREHOSE,
            "kinesis:DescribeStream",
            "kinesis:GetRecords",
            "kinesis:GetShardIterator",
            "kinesis:ListShards",
            "logs:PutLogEvents",
            "s3:AbortMultipartUpload",
            "s3:GetBucketLocation",
            "s3:GetObject",
            "s3:ListBucket",
            "s3:ListBucketMultipartUploads",
            "s3:PutObject",
        )
        | _all(_KEYS, "kms:Decrypt", "kms:GenerateDataKey"),
    ),
    "crawler": Role(
        (),
        _all(
            _CRAWLER,
            "glue:BatchCreatePartition",
            "glue:BatchGetPartition",
            "glue:CreateTable",
            "glue:GetDatabase",
            "glue:GetPartition",
            "glue:GetPartitions",
            "glue:GetSecurityConfiguration",
            "glue:GetTable",
            "glue:GetTables",
            "glue:UpdatePartition",
            "glue:UpdateTable",
            "logs:AssociateKmsKey",
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
            "s3:GetBucketLocation",
            "s3:GetObject",
            "s3:ListBucket",
        )
        | _all(_KEYS, "kms:Decrypt"),
    ),
    "spectrum": Role(
        (),
        _all(_SPECTRUM, *_READS_CATALOG, "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket")
        | _all(_KEYS, "kms:Decrypt"),
    ),
    "flow-logs": Role(
        (),
        _all(
            _FLOW_LOGS,
            "logs:CreateLogStream",
            "logs:DescribeLogGroups",
            "logs:DescribeLogStreams",
            "logs:PutLogEvents",
        ),
    ),
    "producer": Role(("simulate",), _all(_KEYS, "kms:GenerateDataKey")),
    "operator": Role(
        (
            "dead-letters",
            "watch",
            *_OF_BATCH,
            "hours",
            "rollback",
            "quarantine",
            "models",
            "query",
            "redshift-manifest",
            "simulate",
            "verify",
        ),
        _all(_KEYS, "kms:Decrypt", "kms:GenerateDataKey")
        | _all(_MOVES, "sqs:CancelMessageMoveTask", "sqs:ListMessageMoveTasks", "sqs:StartMessageMoveTask")
        | _all(
            _OPERATES,
            "cloudwatch:DescribeAlarmHistory",
            "cloudwatch:DescribeAlarms",
            "cloudwatch:GetMetricData",
            "cloudwatch:ListMetrics",
            "ecs:DescribeTasks",
            "ecs:ListTasks",
            "ecs:RunTask",
            "ecs:StopTask",
            "iam:PassRole",
            "kinesisanalytics:CreateApplicationPresignedUrl",
            "kinesisanalytics:DescribeApplication",
            "kinesisanalytics:ListApplicationSnapshots",
            "kinesisanalytics:StartApplication",
            "kinesisanalytics:StopApplication",
            "logs:DescribeLogStreams",
            "logs:FilterLogEvents",
            "logs:GetLogEvents",
            "logs:GetQueryResults",
            "logs:StartQuery",
        ),
    ),
    "analyst": Role(
        ("query-athena",),
        _all(
            _ATHENA,
            "athena:BatchGetNamedQuery",
            "athena:BatchGetQueryExecution",
            "athena:GetNamedQuery",
            "athena:GetQueryRuntimeStatistics",
            "athena:GetWorkGroup",
            "athena:ListNamedQueries",
            "athena:ListQueryExecutions",
            *_READS_CATALOG,
            "s3:AbortMultipartUpload",
            "s3:GetBucketLocation",
            "s3:GetObject",
            "s3:ListBucket",
            "s3:ListMultipartUploadParts",
            "s3:PutObject",
        )
        | _all(_KEYS, "kms:Decrypt", "kms:GenerateDataKey"),
    ),
    "reader": Role(
        (),
        _all(_TABLES, *_READS_CATALOG, "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket")
        | _all(_KEYS, "kms:Decrypt"),
    ),
}

# Programs that no role is made for, and why.
WITHOUT_ROLE: dict[str, str] = {
    "alerts": "runs the job and asks for what is there on one machine; on AWS the service runs the job",
    "load": "load tests are run by whoever sets a deployment up for them",
    "record": "reads the stream for a replay elsewhere, under rights given for that",
    "replay": "puts what it reads of other places, under rights given for that",
    "resharding": "a fault of a plan: no producer changes the shards of a stream that is in use",
}

# Roles whose service does not say for which resource it assumes them.
WITHOUT_SOURCE_ARN = {"spectrum": "Redshift Serverless tells the account alone"}
