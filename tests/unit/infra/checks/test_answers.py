import json
from typing import Any

import pytest

from infra.checks.answers import checkov_answer, diagnostic_text, validate_text
from infra.checks.answers import test_answer as answer_of

DIAGNOSTIC = {
    "severity": "error",
    "summary": "Test assertion failed",
    "detail": "The bucket is open.",
    "range": {"filename": "tests/lake.tftest.hcl", "start": {"line": 12}},
    "snippet": {
        "code": "    condition = var.closed",
        "values": [{"traversal": "var.closed", "statement": "is false"}],
    },
}


def lines(*messages: dict[str, Any]) -> str:
    return "".join(json.dumps(message) + "\n" for message in messages)


def summary(**counts: int) -> dict[str, Any]:
    return {"type": "test_summary", "test_summary": {"passed": 0, "failed": 0, "errored": 0, "skipped": 0, **counts}}


def test_a_diagnostic_says_where_what_and_which_values() -> None:
    assert diagnostic_text(DIAGNOSTIC, "closed").splitlines() == [
        'tests/lake.tftest.hcl:12: run "closed": error: Test assertion failed',
        "    The bucket is open.",
        "    |     condition = var.closed",
        "    | var.closed is false",
    ]


def test_a_diagnostic_without_a_place_is_told_too() -> None:
    assert diagnostic_text({"severity": "error", "summary": "No provider", "snippet": None}) == "error: No provider"


def test_runs_are_counted_and_what_failed_is_told_once() -> None:
    failed = {"type": "diagnostic", "@testrun": "closed", "diagnostic": DIAGNOSTIC}
    answer = answer_of(lines(failed, failed, summary(passed=3, failed=1)))
    assert (answer.passed, answer.failed) == (3, 1)
    assert answer.text == diagnostic_text(DIAGNOSTIC, "closed")


def test_runs_that_broke_off_or_were_passed_over_are_no_passes() -> None:
    assert answer_of(lines(summary(passed=1, errored=1, skipped=5))).failed == 6


def test_errors_that_a_run_expects_are_not_told() -> None:
    def of_run(name: str, message: dict[str, Any]) -> dict[str, Any]:
        return message | {"@testfile": "tests/lake.tftest.hcl", "@testrun": name}

    error = {"type": "diagnostic", "diagnostic": DIAGNOSTIC}
    answer = answer_of(
        lines(
            of_run("refused", error),
            of_run("refused", {"type": "test_run", "test_run": {"progress": "complete", "status": "pass"}}),
            of_run("closed", {"type": "test_run", "test_run": {"progress": "complete", "status": "fail"}}),
            of_run("closed", error),
            summary(passed=1, failed=1),
        )
    )
    assert answer.text == diagnostic_text(DIAGNOSTIC, "closed")


def test_warnings_of_tests_are_not_told() -> None:
    warning = {"type": "diagnostic", "diagnostic": DIAGNOSTIC | {"severity": "warning"}}
    assert answer_of(lines(warning, summary(passed=1))).text == ""


def test_the_states_of_runs_that_applied_are_kept_in_order() -> None:
    states = [{"type": "test_state", "test_state": {"root_module": {"resources": [number]}}} for number in (1, 2)]
    plan = {"type": "test_plan", "test_plan": {"planned_values": {}}}
    answer = answer_of(lines(states[0], plan, states[1], summary(passed=3)))
    assert [state["root_module"]["resources"] for state in answer.states] == [[1], [2]]


def test_text_among_the_lines_is_passed_over_and_no_summary_is_no_pass() -> None:
    answer = answer_of("panic: something\n" + lines({"type": "version"}))
    assert (answer.passed, answer.failed, answer.text) == (0, 0, "")


def test_validate_tells_its_diagnostics_but_not_that_the_provider_is_overridden() -> None:
    override = {"severity": "warning", "summary": "Provider development overrides are in effect", "detail": "here"}
    told = validate_text(json.dumps({"valid": False, "diagnostics": [override, DIAGNOSTIC]}))
    assert told == diagnostic_text(DIAGNOSTIC)


def test_validate_that_gave_no_json_is_told_as_it_is() -> None:
    assert validate_text("panic: something") == "panic: something"


def finding(path: str, check_id: str, line: int = 3) -> dict[str, Any]:
    return {
        "file_path": f"/{path}",
        "check_id": check_id,
        "check_name": "Ensure something",
        "resource": "aws_sns_topic.this",
        "file_line_range": [line, line + 4],
    }


def test_checkov_tells_what_failed_and_what_was_passed_over_by_file() -> None:
    results = {
        "passed_checks": [],
        "failed_checks": [finding("modules/alerts/main.tf", "CKV_AWS_26")],
        "skipped_checks": [finding("modules/lake/main.tf", "CKV_AWS_144")],
        "parsing_errors": ["/there/modules/keys/main.tf"],
    }
    answer = checkov_answer(json.dumps({"results": results, "summary": {"passed": 7}}))
    [failed], [skipped] = answer.failed, answer.skipped
    assert failed.text == "modules/alerts/main.tf:3: CKV_AWS_26: Ensure something (aws_sns_topic.this)"
    assert (skipped.path, skipped.check_id) == ("modules/lake/main.tf", "CKV_AWS_144")
    assert (answer.passed, answer.unparsed) == (7, ("/there/modules/keys/main.tf",))


def test_checkov_that_found_no_resource_has_found_nothing() -> None:
    nothing = {"passed": 0, "failed": 0, "skipped": 0, "parsing_errors": 0, "resource_count": 0}
    assert checkov_answer(json.dumps(nothing)).failed == ()


@pytest.mark.parametrize("output", ["", "Traceback", "[]", "[{}, {}]"])
def test_what_is_no_report_of_checkov_is_refused(output: str) -> None:
    with pytest.raises(ValueError):
        checkov_answer(output)
