"""How many lines are compared at a time does not matter, nor that a line comes again which is held."""

from unittest import mock

from hypothesis import given, settings

from batch_compaction import hour_merge
from schemas.event import ClickEvent
from tests.property.batch_compaction.test_merge import lines_of, merged_in_steps, objects


@settings(max_examples=20)
@given(objects)
def test_lines_compared_in_parts_come_out_the_same(contents: list[list[ClickEvent]]) -> None:
    tables = lines_of(contents)
    cuts = [tables[: len(tables) // 2], tables]
    with mock.patch.object(hour_merge, "AT_ONCE_ROWS", 2):
        in_parts = merged_in_steps(cuts)
    for hour, at_once in merged_in_steps(cuts).items():
        assert in_parts[hour].facts.equals(at_once.facts)
        assert in_parts[hour].conflicts.equals(at_once.conflicts)
        assert counts_of(in_parts[hour].merged) == counts_of(at_once.merged)


def counts_of(merged: hour_merge.MergedHour) -> tuple[int, ...]:
    return (
        *(merged.facts_count, merged.lines, merged.new_lines),
        *(merged.facts_before, merged.duplicates, merged.replaced),
    )
