from __future__ import annotations

from random import Random

import pytest

from infra.local.faults import Fault, Faults, parse_plan
from schemas.errors import ConfigError

PUT = "kinesis.PutRecords"


def faults_of(*planned: Fault) -> Faults:
    faults = Faults(Random(1))
    faults.replace({PUT: list(planned)})
    return faults


def test_a_fault_strikes_as_often_as_asked_and_is_gone() -> None:
    faults = faults_of(Fault(error="InternalFailure", times=2))
    struck = [faults.strike_request(PUT) is not None for _ in range(4)]
    assert struck == [True, True, False, False]
    assert faults.is_idle()
    assert faults.report() == {PUT: {"struck": 2, "left": 0}}


def test_a_fault_may_let_requests_pass_first() -> None:
    faults = faults_of(Fault(error="InternalFailure", after=2))
    assert [faults.strike_request(PUT) is not None for _ in range(4)] == [False, False, True, False]


def test_another_operation_is_not_struck() -> None:
    faults = faults_of(Fault(error="InternalFailure"))
    assert faults.strike_request("kinesis.GetRecords") is None


def test_faults_of_one_operation_strike_one_after_the_other() -> None:
    faults = faults_of(Fault(fail_records=(0,)), Fault(error="ThrottlingException"))
    assert faults.strike_request(PUT) is None
    assert faults.strike_entries(PUT, 2) == {0: "InternalFailure"}
    assert faults.strike_request(PUT) == Fault(error="ThrottlingException")


def test_named_entries_fail_and_those_beyond_the_batch_are_ignored() -> None:
    faults = faults_of(Fault(fail_records=(1, 9), record_error="ProvisionedThroughputExceededException"))
    assert faults.strike_entries(PUT, 3) == {1: "ProvisionedThroughputExceededException"}


def test_a_ratio_strikes_about_that_share_of_the_entries() -> None:
    faults = faults_of(Fault(ratio=0.3))
    assert 200 < len(faults.strike_entries(PUT, 1000)) < 400


def test_throttles_are_the_callers_fault_and_other_errors_the_services() -> None:
    assert Fault(error="ThrottlingException").http_status == 400
    assert Fault(error="InternalFailure").http_status == 500
    assert Fault(error="InternalFailure", status=503).http_status == 503


@pytest.mark.parametrize(
    "plan",
    [
        b"[]",
        b'{"kinesis.PutRecords": {}}',
        b'{"kinesis.PutRecords": {"error": "X", "times": 0}}',
        b'{"kinesis.PutRecords": {"ratio": 2}}',
        b'{"kinesis.PutRecords": {"eror": "X"}}',
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(plan: bytes) -> None:
    with pytest.raises(ConfigError):
        parse_plan(plan)
