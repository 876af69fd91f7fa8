"""Which answers of AWS mean that the same call may succeed later.

Pure: judges an error code and an HTTP status; knows no client.
"""

from __future__ import annotations

# Source: botocore's retry definitions (`retries/standard.py`, `data/_retry.json`), the errors of the Kinesis, SNS, SQS,
# S3 and DynamoDB API references. The key service's throttle has another name in each of them.
THROTTLE_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "KMS.ThrottlingException",
        "KMSThrottling",
        "KMSThrottlingException",
        "KmsThrottled",
        "LimitExceededException",
        "OverLimit",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
# None of them says that nothing was taken. Source: the same; OperationAborted is S3's word for a conflict that passes,
# BadDigest its word for a body that was spoilt on the way.
_FAILURE_CODES = frozenset(
    {
        "BadDigest",
        "InternalFailure",
        "OperationAborted",
        "ReplicatedWriteConflictException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
    }
)


def is_throttle(code: str, http_status: int) -> bool:
    """Say whether the service took nothing because it was asked too much."""
    return http_status == 429 or code in THROTTLE_CODES


def is_transient(code: str, http_status: int) -> bool:
    """Say whether the far side is at fault, by overload or failure, so that another try makes sense."""
    return http_status >= 500 or code in _FAILURE_CODES or is_throttle(code, http_status)
