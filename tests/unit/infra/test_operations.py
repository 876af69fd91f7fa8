from __future__ import annotations

import pytest

from infra.local.operations import error_answer, operation_of


def signed(service: str, method: str = "POST", path: str = "/", query: str = "", target: str = "") -> dict[str, object]:
    credential = f"AWS4-HMAC-SHA256 Credential=local/20261124/us-east-1/{service}/aws4_request, SignedHeaders=host"
    environ: dict[str, object] = {
        "HTTP_AUTHORIZATION": credential,
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
    }
    return environ | ({"HTTP_X_AMZ_TARGET": target} if target else {})


@pytest.mark.parametrize(
    ("environ", "body", "operation"),
    [
        (signed("kinesis", target="Kinesis_20131202.PutRecords"), b"{}", "kinesis.PutRecords"),
        (signed("glue", target="AWSGlue.UpdateTable"), b"{}", "glue.UpdateTable"),
        (signed("dynamodb", target="DynamoDB_20120810.PutItem"), b"{}", "dynamodb.PutItem"),
        (signed("sns"), b"Action=PublishBatch&Version=2010-03-31", "sns.PublishBatch"),
        (signed("s3", "PUT", "/bucket/a/key"), b"", "s3.PutObject"),
        (signed("s3", "PUT", "/bucket"), b"", "s3.CreateBucket"),
        (signed("s3", "GET", "/bucket", "list-type=2"), b"", "s3.ListObjectsV2"),
        (signed("s3", "POST", "/bucket/key", "uploads"), b"", "s3.CreateMultipartUpload"),
        (signed("s3", "PUT", "/bucket/key", "partNumber=1&uploadId=x"), b"", "s3.UploadPart"),
        ({"REQUEST_METHOD": "GET"}, b"\xff", ""),
    ],
)
def test_the_operation_of_a_request(environ: dict[str, object], body: bytes, operation: str) -> None:
    assert operation_of(environ, body) == operation


def test_an_error_is_said_in_the_protocol_of_the_request() -> None:
    headers, body = error_answer(signed("kinesis", target="Kinesis_20131202.PutRecords"), "Broken")
    assert ("x-amzn-errortype", "Broken") in headers
    assert b'"__type": "Broken"' in body
    assert error_answer(signed("s3"), "SlowDown")[1].startswith(b"<Error><Code>SlowDown</Code>")
    assert error_answer(signed("sns"), "Throttling")[1].startswith(b"<ErrorResponse><Error><Code>Throttling</Code>")
