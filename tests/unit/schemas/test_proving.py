"""Hours that are kept for proving a deployment."""

from schemas.instants import DAY_US, HOUR_US
from schemas.proving import END_US, FIRST_US, age_us, is_proving


def test_the_hours_begin_half_a_year_after_the_clocks_that_lost_their_battery() -> None:
    assert [is_proving(us) for us in (FIRST_US - 1, FIRST_US, END_US - 1, END_US)] == [False, True, True, False]
    assert (END_US - FIRST_US) % HOUR_US == 0


def test_what_proves_a_deployment_has_always_just_happened() -> None:
    now_us = END_US + 9000 * DAY_US
    assert age_us(END_US - 1, now_us) == 0
    assert age_us(END_US, now_us) == 9000 * DAY_US
    assert age_us(now_us + 5, now_us) == -5
