"""When scheduled work is due."""

from infra.local.schedule import DAILY_S, HOURLY_S, jobs_of
from schemas.instants import format_instant_us, parse_instant_us

HOURLY, DAILY = jobs_of(HOURLY_S, DAILY_S)


def due_after(job: object, text: str) -> str:
    assert hasattr(job, "due_after")
    return format_instant_us(job.due_after(parse_instant_us(text)))


def test_an_hour_is_compacted_once_it_is_closed() -> None:
    assert due_after(HOURLY, "2026-11-24T10:00:00Z") == "2026-11-24T10:25:00.000000Z"
    assert due_after(HOURLY, "2026-11-24T10:24:59.999999Z") == "2026-11-24T10:25:00.000000Z"
    assert due_after(HOURLY, "2026-11-24T10:25:00Z") == "2026-11-24T11:25:00.000000Z"


def test_the_daily_work_comes_after_the_first_compaction_of_the_day() -> None:
    assert due_after(DAILY, "2026-11-24T10:00:00Z") == "2026-11-25T00:45:00.000000Z"
    assert due_after(DAILY, "2026-11-25T00:30:00Z") == "2026-11-25T00:45:00.000000Z"
    assert due_after(HOURLY, "2026-11-25T00:00:00Z") < due_after(DAILY, "2026-11-25T00:00:00Z")


def test_what_was_due_several_times_is_due_once() -> None:
    short, _ = jobs_of(7, DAILY_S)
    now_us = parse_instant_us("2026-11-24T10:00:00Z")
    assert now_us < short.due_after(now_us + 100_000_000) - 100_000_000 <= now_us + 7_000_000


def test_what_was_compacted_is_enriched() -> None:
    assert HOURLY.commands == (("compact",), ("enrich",))


def test_the_daily_work_reconciles_then_validates_then_does_what_is_given() -> None:
    _, daily = jobs_of(HOURLY_S, DAILY_S, [("tidy",)])
    assert daily.commands == (("compact", "--reconcile"), ("validate", "--day", "yesterday"), ("tidy",))
