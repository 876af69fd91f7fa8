from __future__ import annotations

import pytest

from schemas.instants import SECOND_US, parse_instant_us
from stream_jobs.claims import REMEMBERED_S, Row, Standing, claim_row, done_row, item_of, row_of

NOW_US = parse_instant_us("2026-11-24T10:00:00Z")
LEASE_US = NOW_US + 60 * SECOND_US


def test_a_row_is_read_as_it_was_written() -> None:
    for row in (claim_row("key", "me", LEASE_US, NOW_US), done_row("key", NOW_US)):
        assert row_of(item_of(row)) == row


def test_another_s_claim_is_busy_until_its_lease_is_over_and_left_from_then_on() -> None:
    row = claim_row("key", "other", LEASE_US, NOW_US)
    assert row.standing("me", LEASE_US - 1) is Standing.BUSY
    assert row.standing("me", LEASE_US) is Standing.LEFT


def test_one_s_own_claim_that_one_does_not_remember_may_have_been_another_s_before() -> None:
    assert claim_row("key", "me", LEASE_US, NOW_US).standing("me", NOW_US) is Standing.LEFT


@pytest.mark.parametrize("state_age_s", [0, REMEMBERED_S - 1])
def test_what_was_delivered_is_done_for_as_long_as_it_is_remembered(state_age_s: int) -> None:
    assert done_row("key", NOW_US).standing("me", NOW_US + state_age_s * SECOND_US) is Standing.DONE


def test_a_row_that_dynamodb_should_have_deleted_counts_for_nothing() -> None:
    row = done_row("key", NOW_US)
    assert row.standing("me", NOW_US + REMEMBERED_S * SECOND_US) is Standing.FREE


def test_a_claim_as_old_as_that_still_tells_that_its_owner_may_have_delivered() -> None:
    assert Row("key", "IN_PROGRESS", 1, "other", LEASE_US).standing("me", NOW_US) is Standing.LEFT


def test_rows_outlive_every_message_of_a_queue() -> None:
    longest_retention_s = 14 * 24 * 3600
    assert longest_retention_s < REMEMBERED_S
