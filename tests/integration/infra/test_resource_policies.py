"""What the policies of buckets, topics and queues let in and keep out, decided as IAM does: the emulator cannot."""

from __future__ import annotations

import pytest

from tests.deployments import Deployment
from tests.integration.infra.evaluation import Request, applying

NAME, ACCOUNT = "clickstream-test", "123456789012"
TLS = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
DATA_BUCKETS = ("raw", "curated", "athena-results", "artifacts")
SSE = "s3:x-amz-server-side-encryption"
SSE_KEY = "s3:x-amz-server-side-encryption-aws-kms-key-id"
SSE_C = "s3:x-amz-server-side-encryption-customer-algorithm"


@pytest.mark.parametrize("bucket", DATA_BUCKETS)
def test_an_object_comes_in_encrypted_with_the_lake_s_key_or_not_at_all(deployment: Deployment, bucket: str) -> None:
    def denied(context: dict[str, str]) -> list[str]:
        name = f"{NAME}-{bucket}-{ACCOUNT}"
        policy = deployment.one("aws_s3_bucket_policy", bucket=name)["policy"]
        request = Request("s3:PutObject", f"arn:aws:s3:::{name}/a/key", context=TLS | context)
        return applying(policy, request, "Deny")

    key = deployment.at('keys.aws_kms_key.this["lake"]')["arn"]
    another = deployment.at('keys.aws_kms_key.this["stream"]')["arn"]
    assert denied({}) == []  # the bucket's default does it
    assert denied({SSE: "aws:kms", SSE_KEY: key}) == []
    assert denied({SSE: "AES256"})
    assert denied({SSE: "aws:kms", SSE_KEY: another})
    assert denied({SSE: "aws:kms"})  # that is a key of S3's own
    assert denied({SSE_C: "AES256"})


@pytest.mark.parametrize("bucket", [*DATA_BUCKETS, "logs"])
@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"])
def test_a_bucket_answers_over_a_safe_line_alone(deployment: Deployment, bucket: str, action: str) -> None:
    name = f"{NAME}-{bucket}-{ACCOUNT}"
    policy = deployment.one("aws_s3_bucket_policy", bucket=name)["policy"]
    resource = f"arn:aws:s3:::{name}" if action == "s3:ListBucket" else f"arn:aws:s3:::{name}/a/key"
    for context in (TLS | {"aws:SecureTransport": "false"}, TLS | {"s3:TlsVersion": "1.1"}):
        assert applying(policy, Request(action, resource, context=context), "Deny")
    is_kept = bucket == "logs" and action == "s3:DeleteObject"
    assert bool(applying(policy, Request(action, resource, context=TLS), "Deny")) == is_kept


@pytest.mark.parametrize("topic", ["PurchaseAlerts", "LargeOrders"])
def test_alerts_are_published_by_those_who_decide_them_and_by_nobody_else(deployment: Deployment, topic: str) -> None:
    arn = f"arn:aws:sns:us-east-1:{ACCOUNT}:{NAME}-{topic}"
    policy = deployment.one("aws_sns_topic_policy", arn=arn)["policy"]

    def denied(role: str, is_safe: str = "true") -> list[str]:
        context = {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/{role}", "aws:SecureTransport": is_safe}
        return applying(policy, Request("sns:Publish", arn, context=context), "Deny")

    for role in ("alert-job", "dropped-files", "operator"):
        assert denied(f"{NAME}-{role}") == []
        assert denied(f"{NAME}-{role}", is_safe="false")
    for role in (f"{NAME}-analyst", f"{NAME}-compaction", "administrator"):
        assert denied(role)


def test_dead_letters_are_sent_by_those_who_alert_alone(deployment: Deployment) -> None:
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{NAME}-dead-letters"
    policy = deployment.one("aws_sqs_queue_policy", queue_url=f"{NAME}-dead-letters")["policy"]

    def denied(role: str) -> list[str]:
        context = {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/{NAME}-{role}", "aws:SecureTransport": "true"}
        return applying(policy, Request("sqs:SendMessage", arn, context=context), "Deny")

    assert denied("alert-job") == denied("dropped-files") == denied("operator") == []
    assert denied("analyst")
    assert denied("compaction")


@pytest.mark.parametrize("queue", ["raw-objects", "dropped-files"])
def test_only_the_queue_s_own_rule_tells_it_of_objects(deployment: Deployment, queue: str) -> None:
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{NAME}-{queue}"
    [policy] = [
        each.values["policy"]
        for each in deployment.all("aws_sqs_queue_policy")
        if each.values["queue_url"].endswith(f"{NAME}-{queue}")
    ]

    def allowed(rule: str, service: str = "events.amazonaws.com") -> list[str]:
        source = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{rule}"
        context = {"aws:SourceArn": source, "aws:SourceAccount": ACCOUNT, "aws:SecureTransport": "true"}
        return applying(policy, Request("sqs:SendMessage", arn, service, context), "Allow")

    assert allowed(f"{NAME}-{queue}")
    assert allowed(f"{NAME}-another") == []
    assert allowed(f"{NAME}-{queue}", "sns.amazonaws.com") == []
    assert allowed(f"{NAME}-{queue}", "") == []


@pytest.mark.parametrize("subscription", ["germany", "everything"])
def test_the_topic_alone_puts_away_what_a_subscriber_does_not_take(deployment: Deployment, subscription: str) -> None:
    name = f"{NAME}-{subscription}-undelivered"
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
    policy = deployment.one("aws_sqs_queue_policy", queue_url=name)["policy"]

    def allowed(topic: str) -> list[str]:
        context = {"aws:SourceArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:{topic}", "aws:SecureTransport": "true"}
        return applying(policy, Request("sqs:SendMessage", arn, "sns.amazonaws.com", context), "Allow")

    assert allowed(f"{NAME}-PurchaseAlerts")
    assert allowed("somebody-elses") == []
