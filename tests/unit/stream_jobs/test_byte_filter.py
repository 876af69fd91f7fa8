from __future__ import annotations

import json

import pytest

from stream_jobs.byte_filter import ByteFilter

PURCHASES = ByteFilter(["purchase"])


def line(event_type: str, title: str) -> bytes:
    return json.dumps({"event_type": event_type, "metadata": {"title": title}}).encode()


def test_escapes_that_spell_no_letter_of_an_alerted_type_are_not_looked_at() -> None:
    umlaut, markup = (
        line("page_view", "Kühlschrank 🎉"),
        rb'{"event_type": "page_view", "title": "a \u0026 \u003cb\u003E"}',
    )
    assert rb"\u00fc" in umlaut
    assert PURCHASES.passing([umlaut, markup]) == []
    assert not PURCHASES.passes(umlaut)
    assert not PURCHASES.passes(markup)


@pytest.mark.parametrize("spelled", [rb"purchas\u0065", rb"\u0050\u0070urchase", rb"sign\u002dup", rb"sign\u002Dup"])
def test_an_escape_of_any_letter_of_an_alerted_type_passes(spelled: bytes) -> None:
    assert ByteFilter(["purchase", "sign-up"]).passing([b"{}", b'{"event_type": "%b"}' % spelled]) == [
        b'{"event_type": "%b"}' % spelled
    ]
