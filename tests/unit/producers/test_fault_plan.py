"""The plan of faults: everything that is wrong with one is told at once, and what is right is taken over."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from producers.faults.fault_plan import (
    CLOCK_FAULTS,
    EVENT_FAULTS,
    STREAM_FAULTS,
    FaultPlan,
    parse_plan,
    tables_of_plan,
)
from producers.faults.fault_tables import duration_us
from producers.faults.plan_options import plan_of_options
from schemas.errors import ConfigError

EVERYTHING = Path(__file__).parents[3] / "bench" / "faults" / "everything.toml"


def faults_of(toml: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as error:
        parse_plan(toml, "p.toml")
    return error.value.faults


def test_every_fault_of_a_plan_is_told() -> None:
    told = faults_of(
        """
        duplicates = 0.1
        corrupt = 0.2
        split = { at = 0.5 }
        [duplicate]
        share = 2
        far = 1
        [late]
        least = "five minutes"
        [retry_storm]
        share = 0.1
        times = 0
        [clock_ahead]
        [missing_required]
        share = 0.1
        fields = ["page_url"]
        [[throttle]]
        at = 1.5
        [[merge]]
        at = 0.1
        calls = 3
        """
    )
    expected = (
        "there is no fault 'duplicates'",
        "corrupt is to be a table, [corrupt]",
        "split is to be an array of tables, [[split]]",
        "duplicate: there is no key 'far'",
        "duplicate: share is 2, which is not a share above 0 and at most 1",
        "late: share is missing",
        "late: least is 'five minutes', which is not a text of a number with s, m, h or d, such as '10m'",
        "retry_storm: times: ",
        "clock_ahead: share is missing",
        "missing_required: fields: ",
        "throttle: at is 1.5, which is not a share from 0 to 1",
        "merge: there is no key 'calls'",
    )
    assert len(told) == len(expected)
    for fault, begin in zip(told, expected, strict=True):
        assert fault.startswith(f"plan p.toml: {begin}"), fault


def test_what_does_not_go_together_is_told() -> None:
    told = faults_of(
        '[duplicate]\nshare = 0.7\n[corrupt]\nshare = 0.4\n[late]\nshare = 0.1\nleast = "3h"\nmost = "10m"\n'
        '[clock_ahead]\nshare = 0.6\nmost = "1d"\n[clock_absurd]\nshare = 0.5\n'
    )
    assert len(told) == 4 and all(fault.startswith("plan p.toml: ") for fault in told)
    assert "duplicate, late, corrupt add up to 1.2" in told[0] and "clock_ahead, clock_absurd add up to 1.1" in told[1]


@pytest.mark.parametrize("length", ["0s", "00h", "", "1", "5m\\n", "12345s"])
def test_a_stretch_of_time_has_a_length(length: str) -> None:
    [told] = faults_of(f'[retry_storm]\nshare = 0.1\nwindow = "{length}"')
    assert "retry_storm: window is " in told


def test_a_duration_may_be_nothing_and_ends_with_its_unit() -> None:
    assert parse_plan('[late]\nshare = 0.1\nleast = "0s"', "p.toml").late is not None
    [told] = faults_of('[late]\nshare = 0.1\nleast = "5m\\n"')
    assert "late: least is " in told


def test_what_is_no_toml_is_told() -> None:
    assert "p.toml" in faults_of("[duplicate")[0]


def test_an_empty_plan_is_quiet_and_the_stream_is_no_event() -> None:
    assert parse_plan("", "p") == FaultPlan() and FaultPlan().is_quiet
    plan = parse_plan("[[split]]\nat = 0.5\n[[split]]\nat = 0.7\n", "p")
    assert plan.is_quiet and plan.has_stream_faults and not plan.needs_local_stack
    assert [split.at for split in plan.split] == [0.5, 0.7]
    assert parse_plan("[[partial_failure]]\nat = 0\n", "p").needs_local_stack


def test_every_fault_of_the_plan_is_of_one_kind() -> None:
    assert sorted((*CLOCK_FAULTS, *EVENT_FAULTS, *STREAM_FAULTS, "retry_storm")) == sorted(tables_of_plan())


def test_the_plan_of_everything_has_every_fault_and_every_key() -> None:
    plan = parse_plan(EVERYTHING.read_text("utf-8"), EVERYTHING.name)
    assert all(getattr(plan, name) for name in tables_of_plan())
    for name in tables_of_plan():
        text = EVERYTHING.read_text("utf-8").split(f"[{name}]", 1)[1].split("\n[", 1)[0]
        for key in tables_of_plan()[name].__struct_fields__:
            assert f"\n{key} = " in text, (name, key)
    assert msgspec.convert(msgspec.to_builtins(plan), FaultPlan) == plan


def test_durations_have_a_unit() -> None:
    assert [duration_us(text) for text in ("1s", "5m", "2h", "3d")] == [10**6, 3 * 10**8, 72 * 10**8, 2592 * 10**8]


def test_a_plan_and_the_short_options_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--faults and --late"):
        plan_of_options(EVERYTHING, duplicates=0, late=0.1, corrupt=0)
    with pytest.raises(ConfigError, match="cannot read the plan"):
        plan_of_options(tmp_path / "none.toml", late=0)
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9")
    with pytest.raises(ConfigError, match="not UTF-8"):
        plan_of_options(tmp_path / "latin.toml", late=0)
    assert plan_of_options(None, duplicates=0, late=0, corrupt=0).is_quiet


def test_lines_per_event_count_the_copies() -> None:
    plan = parse_plan(
        "[duplicate]\nshare = 0.1\n[conflict]\nshare = 0.05\n[late]\nshare = 0.5\n[retry_storm]\nshare = 0.1\n", "p"
    )
    assert plan.lines_per_event == pytest.approx(1.45)
