import pytest

from infra.checks.outcomes import Check, Outcome, exit_code, lines_of, verdict

GOOD = Check("modules/lake", "test", Outcome.PASSED, 4.26, "8 runs")
BAD = Check("modules/lake", "validate", Outcome.FAILED, 0.7, "main.tf:3: error: Unsupported argument\n    No such.")
LEFT = Check("envs/dev", "iam", Outcome.UNCHECKED, text="the registry does not answer")


def test_a_check_is_one_line_and_a_failed_one_has_its_reasons_below() -> None:
    assert lines_of(GOOD) == "ok    modules/lake             test        4.3 s  8 runs"
    assert lines_of(BAD).splitlines() == [
        "FAIL  modules/lake             validate    0.7 s",
        "      main.tf:3: error: Unsupported argument",
        "          No such.",
    ]
    assert lines_of(LEFT).endswith("  the registry does not answer")


def test_the_verdict_counts_and_names_skipped_only_where_there_are_any() -> None:
    assert verdict([GOOD, GOOD, BAD]) == "2 passed, 1 failed"
    assert verdict([GOOD, LEFT]) == "1 passed, 0 failed, 1 skipped"


@pytest.mark.parametrize(
    ("checks", "allow_unchecked", "code"),
    [
        ([GOOD], False, 0),
        ([GOOD, BAD], True, 1),
        ([GOOD, LEFT], False, 1),
        ([GOOD, LEFT], True, 0),
        ([LEFT, BAD], True, 1),
    ],
)
def test_what_was_not_checked_is_no_success_unless_that_is_allowed(
    checks: list[Check], allow_unchecked: bool, code: int
) -> None:
    assert exit_code(checks, allow_unchecked=allow_unchecked) == code
