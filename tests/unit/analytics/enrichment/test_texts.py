"""Distinct texts of facts, within limits, and the mark that says how far the facts were looked at."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from analytics.enrichment.changes import FactsMark, mark_of
from analytics.enrichment.texts import TEXT_OVERHEAD_CHARS, FoundTexts, TextLimits, distinct_texts
from schemas.tables import FACT_CLICKS

WIDE = TextLimits()


def facts(*metadata: dict[str, str]) -> ds.Dataset:
    kind = FACT_CLICKS.schema.field("metadata").type
    column = pa.array([list(entries.items()) for entries in metadata], kind)
    return ds.dataset(pa.table({"metadata": column}))


def agents(*texts: str) -> ds.Dataset:
    return facts(*({"country": "DE", "user_agent": text} for text in texts))


def test_each_text_comes_once_and_in_order() -> None:
    assert distinct_texts(agents("b", "a", "b", "", "é"), (), WIDE) == FoundTexts(("", "a", "b", "é"), 0)


def test_facts_without_the_key_have_no_text() -> None:
    assert distinct_texts(facts({}, {"country": "x"}), (), WIDE) == FoundTexts((), 0)


def test_what_is_known_is_not_new() -> None:
    assert distinct_texts(agents("b", "a"), {"a"}, WIDE) == FoundTexts(("b",), 0)


def test_no_facts_have_no_text() -> None:
    assert distinct_texts(ds.dataset(FACT_CLICKS.schema.empty_table()), {"a"}, WIDE) == FoundTexts((), 0)


def test_facts_with_a_text_that_is_too_long_are_counted() -> None:
    limits = TextLimits(text_chars=3)
    assert distinct_texts(agents("abcd", "abc", "abcd"), (), limits) == FoundTexts(("abc",), 2)


def test_facts_with_a_text_without_room_are_counted_and_a_known_text_takes_its_part_of_it() -> None:
    each = 10 + TEXT_OVERHEAD_CHARS
    texts = ["a" * 10, "b" * 10, "b" * 10]
    assert distinct_texts(agents(*texts), (), TextLimits(all_chars=each)) == FoundTexts(("a" * 10,), 2)
    assert distinct_texts(agents(*texts), {"k" * 10}, TextLimits(all_chars=each)) == FoundTexts((), 3)
    assert distinct_texts(agents(*texts), {"k" * 10}, TextLimits(all_chars=3 * each)).left_out == 0


def test_a_mark_is_read_as_it_was_written() -> None:
    mark = FactsMark("9f1e-40b2", 12)
    assert mark_of(str(mark)) == mark


@pytest.mark.parametrize("text", [None, "", "12", ":", "a:", "a:b", "a:-1", "a:1.5"])
def test_what_is_no_mark_says_nothing(text: str | None) -> None:
    assert mark_of(text) is None
