"""Which operation of which service an HTTP request asks for, and an error answer that its SDK understands. Pure.

Source: the AWS JSON, Query and REST-XML protocols, as the Smithy specification describes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import parse_qs

# S3 has no operation name on the wire: (method, path has a key) -> name. Sub-resources are told by their query key.
_S3_OPERATIONS = {
    ("GET", True): "GetObject",
    ("PUT", True): "PutObject",
    ("HEAD", True): "HeadObject",
    ("DELETE", True): "DeleteObject",
    ("POST", True): "CompleteMultipartUpload",
    ("GET", False): "ListObjectsV2",
    ("PUT", False): "CreateBucket",
    ("HEAD", False): "HeadBucket",
    ("POST", False): "DeleteObjects",
}
_S3_SUBRESOURCES = {
    ("POST", "uploads"): "CreateMultipartUpload",
    ("PUT", "partNumber"): "UploadPart",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
}


def operation_of(environ: Mapping[str, object], body: bytes) -> str:
    """Return the operation of a signed request, like `kinesis.PutRecords`; empty where none can be told."""
    service = _signed_service(str(environ.get("HTTP_AUTHORIZATION", "")))
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    if target:
        return f"{service}.{target.rpartition('.')[2]}"
    if service == "s3":
        return f"s3.{_s3_operation(environ)}"
    actions = parse_qs(body.decode("utf-8", "replace")).get("Action", [])
    return f"{service}.{actions[0]}" if actions else ""


def error_answer(environ: Mapping[str, object], code: str) -> tuple[list[tuple[str, str]], bytes]:
    """Return the headers and the body that say an error code in the request's own protocol."""
    message = f"{code} on request"
    if environ.get("HTTP_X_AMZ_TARGET"):
        headers = [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-errortype", code)]
        return headers, json.dumps({"__type": code, "message": message}).encode()
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    is_s3 = _signed_service(str(environ.get("HTTP_AUTHORIZATION", ""))) == "s3"
    text = error if is_s3 else f"<ErrorResponse>{error}<RequestId>local</RequestId></ErrorResponse>"
    return [("Content-Type", "text/xml")], text.encode()


def _signed_service(authorization: str) -> str:
    # AWS4-HMAC-SHA256 Credential=KEY/20261124/us-east-1/kinesis/aws4_request, …
    scope = authorization.partition("Credential=")[2].partition(",")[0].split("/")
    return scope[3] if len(scope) > 3 else ""


def _s3_operation(environ: Mapping[str, object]) -> str:
    method = str(environ["REQUEST_METHOD"])
    has_key = "/" in str(environ.get("PATH_INFO", "")).strip("/")
    query = parse_qs(str(environ.get("QUERY_STRING", "")), keep_blank_values=True)
    for (of_method, key), name in _S3_SUBRESOURCES.items():
        if method == of_method and key in query:
            return name
    return _S3_OPERATIONS.get((method, has_key), method)
