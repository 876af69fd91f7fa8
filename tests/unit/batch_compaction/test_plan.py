from dataclasses import replace

from batch_compaction.plan import (
    GRACE_US,
    HELD,
    OPEN,
    PUBLISHED,
    Assignment,
    HourPolicy,
    KnownObject,
    assignments,
    overwritten,
)
from batch_compaction.raw import RawObject
from schemas.instants import HOUR_US, parse_instant_us

HOUR = parse_instant_us("2026-11-24T10:00:00Z")
NEXT = HOUR + HOUR_US
RAW = RawObject("bucket", "key", "etag", 1, HOUR)


def known(etag: str = "etag", **hours: tuple[int, str]) -> dict[tuple[str, str], KnownObject]:
    return {("bucket", "key"): KnownObject(replace(RAW, etag=etag), dict(hours.values()))}


def test_an_hour_closes_once_its_grace_is_over() -> None:
    assert not HourPolicy(NEXT + GRACE_US - 1).may_publish(HOUR)
    assert HourPolicy(NEXT + GRACE_US).may_publish(HOUR)


def test_an_open_hour_may_be_included_and_an_hour_not_asked_for_never_is() -> None:
    assert HourPolicy(HOUR, include_open=True).may_publish(HOUR)
    assert not HourPolicy(HOUR, include_open=True, only=frozenset({NEXT})).may_publish(HOUR)


def test_a_new_object_is_read_whole_and_a_known_one_not_at_all() -> None:
    policy = HourPolicy(NEXT + GRACE_US)
    assert assignments([RAW], {}, policy) == [Assignment(RAW)]
    assert assignments([RAW], known(a=(HOUR, PUBLISHED)), policy) == []


def test_an_object_that_was_overwritten_is_told_and_not_read_again() -> None:
    before = known("old", a=(HOUR, PUBLISHED), b=(NEXT, OPEN))
    assert assignments([RAW], before, HourPolicy(NEXT + HOUR_US + GRACE_US)) == []
    assert overwritten([RAW], before) == ["key"]
    assert overwritten([RAW], known()) == []


def test_an_object_with_open_lines_is_read_again_once_their_hour_may_be_published() -> None:
    before = known(a=(HOUR, PUBLISHED), b=(NEXT, OPEN))
    assert assignments([RAW], before, HourPolicy(NEXT + GRACE_US)) == []
    later = HourPolicy(NEXT + HOUR_US + GRACE_US)
    assert assignments([RAW], before, later) == [Assignment(RAW, {HOUR: PUBLISHED, NEXT: OPEN})]


def test_the_state_of_an_hour_follows_from_what_the_run_did() -> None:
    policy = HourPolicy(NEXT + GRACE_US)
    again = Assignment(RAW, {HOUR - HOUR_US: PUBLISHED, HOUR: HELD})
    assert again.state_after(HOUR, policy, held=()) == PUBLISHED
    assert again.state_after(HOUR, policy, held={HOUR}) == HELD
    assert again.state_after(HOUR - HOUR_US, policy, held={HOUR - HOUR_US}) == PUBLISHED
    assert again.state_after(NEXT, policy, held=()) == OPEN
    assert again.state_after(HOUR, HourPolicy(HOUR), held=()) == HELD


def test_an_object_with_lines_that_wait_is_read_though_nobody_told_of_it() -> None:
    later = HourPolicy(NEXT + HOUR_US + GRACE_US)
    assert assignments([], known(a=(HOUR, PUBLISHED)), later) == []
    assert assignments([], known(b=(NEXT, OPEN)), later) == [Assignment(RAW, {NEXT: OPEN})]
