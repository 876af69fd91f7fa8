import pytest

from schemas.aws_errors import is_throttle, is_transient


@pytest.mark.parametrize(
    ("code", "http_status", "throttle", "transient"),
    [
        ("ProvisionedThroughputExceededException", 400, True, True),
        ("Anything", 429, True, True),
        ("KmsThrottled", 400, True, True),
        ("KMS.ThrottlingException", 400, True, True),
        ("OverLimit", 403, True, True),
        ("BandwidthLimitExceeded", 400, True, True),
        ("PriorRequestNotComplete", 400, True, True),
        ("InternalFailure", 500, False, True),
        ("RequestTimeout", 400, False, True),
        ("OperationAborted", 409, False, True),
        ("ReplicatedWriteConflictException", 409, False, True),
        ("ServiceUnavailable", 0, False, True),
        ("InvalidParameter", 400, False, False),
        ("AccessDenied", 403, False, False),
    ],
)
def test_an_error_is_judged_by_its_code_and_status(
    code: str, http_status: int, throttle: bool, transient: bool
) -> None:
    assert is_throttle(code, http_status) is throttle
    assert is_transient(code, http_status) is transient
