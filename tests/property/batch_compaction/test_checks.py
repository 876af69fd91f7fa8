"""Hours that were merged the plain way pass every check, and losing or doubling any row of theirs fails one."""

import itertools
from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_compaction.checks import verdicts_of
from batch_compaction.hour_audit import HourAudit
from batch_compaction.id_hashes import differences, in_several, repeated_hashes, sorted_hashes
from batch_compaction.limits import QualityLimits
from schemas.event import ClickEvent
from tests.unit.batch_compaction.hours import audit_of, event

# Few ids and payloads, so that duplicates and conflicts are the rule; ratios are not what is looked at here.
events = st.builds(event, st.sampled_from("abcd"), st.integers(0, 59), user_id=st.sampled_from("uv"))
objects = st.lists(st.lists(events, min_size=1, max_size=6), min_size=1, max_size=4)


def failures(audit: HourAudit) -> set[str]:
    return {found.check for found in verdicts_of(audit) if not found.passed}


@settings(max_examples=40)
@given(objects, st.data())
def test_a_right_hour_passes_and_one_with_a_row_less_or_more_does_not(
    contents: list[list[ClickEvent]], data: st.DataObject
) -> None:
    audit = audit_of(contents, QualityLimits())
    assert failures(audit) == set()
    facts = audit.facts.to_table()
    at = data.draw(st.integers(0, len(facts) - 1))
    less = replace(audit, facts=ds.dataset(pa.concat_tables([facts.slice(0, at), facts.slice(at + 1)])))
    more = replace(audit, facts=ds.dataset(pa.concat_tables([facts, facts.slice(at, 1)])))
    assert {"ids_conserved", "lines_accounted"} <= failures(less)
    assert {"ids_unique", "lines_accounted"} <= failures(more)


def test_many_rows_have_as_many_hashes_in_order() -> None:
    ids = pa.array([f"id-{number}" for number in range(300_000)])
    left = sorted_hashes("id", ds.dataset(pa.table({"id": ids})))
    right = sorted_hashes("id", ds.dataset(pa.table({"id": pa.concat_arrays([ids.slice(3), ids.slice(10, 5)])})))
    assert (len(left), len(right)) == (300_000, 300_002)
    assert bool(np.all(left[1:] > left[:-1]))
    assert len(repeated_hashes(right)) == 5
    lost, appeared = differences([left], right)
    assert (len(lost), len(appeared)) == (3, 0)


@given(st.lists(st.lists(st.integers(0, 2**64 - 1) | st.sampled_from([0, 1 << 58, 2**64 - 1])), max_size=4))
def test_what_stands_in_several_arrays_is_found_once(parts: list[list[int]]) -> None:
    counts = Counter(itertools.chain.from_iterable(parts))
    found = in_several([np.array(sorted(part), np.uint64) for part in parts])
    assert found.tolist() == sorted(value for value, count in counts.items() if count > 1)
