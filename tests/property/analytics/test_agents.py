"""Every text has an answer, also one that somebody made to keep the expressions busy."""

from __future__ import annotations

import re
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st
from ua_parser import load_builtins

from analytics.enrichment.agents import LOOKED_AT_CHARS, AgentParser
from analytics.enrichment.devices import DeviceClass

PARSER = AgentParser("test")


@cache
def pieces() -> list[str]:
    """Return the plain parts of the library's expressions: texts of them go far into many expressions."""
    patterns = [matcher.regex for matchers in load_builtins() for matcher in matchers]
    return sorted({part for pattern in patterns for part in re.findall(r"[A-Za-z0-9;/(). _-]{2,}", pattern)})


def made_of_pieces() -> st.SearchStrategy[str]:
    piece = st.one_of(st.deferred(lambda: st.sampled_from(pieces())), st.text(max_size=6))
    repeated = st.tuples(piece, st.integers(1, LOOKED_AT_CHARS)).map(lambda drawn: drawn[0] * drawn[1])
    return st.lists(st.one_of(piece, repeated), max_size=12).map(lambda parts: "".join(parts)[: 4 * LOOKED_AT_CHARS])


@settings(deadline=None, max_examples=60)
@given(st.one_of(st.text(), made_of_pieces()))
def test_every_text_has_an_answer_that_goes_by_its_beginning(text: str) -> None:
    agent = PARSER.parse(text)
    assert agent.browser
    assert agent.os
    assert agent.browser_version != ""
    assert agent.os_version != ""
    assert agent.is_bot == (agent.device == DeviceClass.BOT)
    assert PARSER.parse(text[:LOOKED_AT_CHARS]) == agent
    assert PARSER.rows([text])["user_agent"].to_pylist() == [text]
