"""A line passes a repair if and only if compaction accepts what the repair writes."""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from batch_compaction.quarantine import DISMISSED, REPAIRED, Resolved
from batch_compaction.quarantine_repair import Fate, Origin, QuarantinedLine, judge
from batch_compaction.repair_rules import Instant, Rule, Rules
from schemas.codec import decode
from schemas.event import ClickEvent
from schemas.lake import parse_hour

ARRIVAL = parse_hour("2026-11-24T10")
NAMES = ("user_id", "session_id", "event_type", "event_timestamp", "metadata", "producer_seq", "uid", "timestamp")
TARGETS = ("user_id", "session_id", "event_type", "event_timestamp", "page_url", "metadata.k", "metadata.uid")
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    # Texts that some coercion can read.
    | st.sampled_from(
        ["u", "", "12", "1795516200", "2026-11-24T10:00:00", "24.11.2026", '{"k":\n1}', "\n", "1e9999999"]
    )
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["k", "uid", ""]), inner, max_size=2),
    max_leaves=4,
)
objects = st.dictionaries(st.sampled_from(NAMES), values)
coercions: st.SearchStrategy[Any] = st.sampled_from(["text", "integer", "object"]) | st.builds(
    Instant,
    st.sampled_from(["iso", "epoch_s", "epoch_ms", "epoch_ns", "%d.%m.%Y"]),
    st.sampled_from(["UTC", "Asia/Tokyo"]),
)
rule_lists = st.lists(
    st.builds(
        Rule,
        drop=st.lists(st.sampled_from((*NAMES, "metadata.k")), max_size=2).map(tuple),
        rename=st.dictionaries(st.sampled_from((*NAMES, "metadata.uid")), st.sampled_from(TARGETS), max_size=3),
        coerce=st.dictionaries(st.sampled_from((*TARGETS, "metadata", "producer_seq")), coercions, max_size=3),
        default=st.dictionaries(st.sampled_from(TARGETS), st.sampled_from(["x", "2026-11-24T10:00:00Z"]), max_size=4),
    ),
    min_size=1,
    max_size=2,
)
lines = objects.map(msgspec.json.encode) | st.binary(max_size=20).filter(lambda data: b"\n" not in data)


@given(rule_lists, lines)
def test_a_line_passes_if_and_only_if_the_codec_accepts_what_is_written(rules: list[Rule], data: bytes) -> None:
    line = QuarantinedLine(Origin("clickstream/a", 1), "not_json", "", data, ARRIVAL, "a-run")
    judgement = judge(Rules(tuple(rules)), line)
    if judgement.fate is Fate.PASSES:
        assert b"\n" not in judgement.data
        assert isinstance(decode(judgement.data, ARRIVAL), ClickEvent)
        assert msgspec.json.decode(judgement.data)["repaired_from"] == {"object": "clickstream/a", "line": 1}
    else:
        assert judgement.fate is Fate.FAILS
        assert judgement.rejection is not None
    assert judge(Rules(tuple(rules)), line) == judgement


keys = st.tuples(st.sampled_from(["a", "b", "c", "é"]), st.integers(1, 2**33))


@given(st.dictionaries(keys, st.sampled_from([REPAIRED, DISMISSED])), st.lists(keys))
def test_what_became_of_a_line_is_found_among_any_others(
    marks: dict[tuple[str, int], str], asked: list[tuple[str, int]]
) -> None:
    rows = [{"source_object": name, "source_line": line, "resolution": how} for (name, line), how in marks.items()]
    asked = [*asked, *marks]
    schema = pa.schema([("source_object", pa.string()), ("source_line", pa.int64()), ("resolution", pa.string())])
    batch = pa.record_batch(
        [pa.array([name for name, _ in asked], pa.string()), pa.array([line for _, line in asked], pa.int64())],
        names=["source_object", "source_line"],
    )
    assert Resolved(pa.Table.from_pylist(rows, schema)).of(batch) == [marks.get(key) for key in asked]
