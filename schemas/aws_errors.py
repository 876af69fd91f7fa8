"""Which answers of AWS mean that the same call may succeed later.

Pure: judges an error code and an HTTP status; knows no client.
"""

from __future__ import annotations

# Source: botocore's retry definitions, the Common Errors pages of the Kinesis, SNS, SQS and S3 API references.
THROTTLE_CODES = frozenset(
    {
        "KMSThrottling",
        "KMSThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_FAILURE_CODES = frozenset({"InternalFailure", "ServiceUnavailable"})


def is_throttle(code: str, http_status: int) -> bool:
    """Say whether the service took nothing because it was asked too much."""
    return http_status == 429 or code in THROTTLE_CODES


def is_transient(code: str, http_status: int) -> bool:
    """Say whether the far side is at fault, by overload or failure, so that another try makes sense."""
    return http_status >= 500 or code in _FAILURE_CODES or is_throttle(code, http_status)
