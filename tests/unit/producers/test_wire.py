"""What old and new clients write, and which session has which client."""

from __future__ import annotations

import json

import pytest

from producers.shop.wire import ClientVersion, SchemaMix, parse_schema_mix, version_of, wire_of
from schemas.codec import encode, payload_digest
from schemas.errors import ConfigError
from schemas.event import ClickEvent

EVENT = ClickEvent(
    event_id="019b",
    user_id="1000439",
    session_id="s-1",
    event_type="purchase",
    event_timestamp_us=1_795_600_000_123_000,
    metadata={"amount_minor": "1750", "order_id": "o-1"},
)


def test_an_old_client_writes_aliases_milliseconds_and_numbers_and_no_id() -> None:
    data, known = wire_of(EVENT, ClientVersion.OLD)
    assert json.loads(data) == {
        "user_id": 1000439,
        "session_id": "s-1",
        "action": "purchase",
        "timestamp": 1_795_600_000_123,
        "metadata": {"amount_minor": "1750", "order_id": "o-1"},
    }
    assert known.event_id == payload_digest(EVENT)


def test_a_new_client_writes_more_than_is_known_here() -> None:
    written = json.loads(wire_of(EVENT, ClientVersion.NEW).data)
    assert written["event_id"] == "019b"
    assert written["metadata"] == {
        "amount_minor": 1750,
        "order_id": "o-1",
        "experiments": {"checkout": "one_page", "search": 3},
    }
    assert set(written) - set(json.loads(encode(EVENT))) == {"schema_version", "consent", "viewport"}


def test_a_current_client_writes_the_canonical_form() -> None:
    assert wire_of(EVENT, ClientVersion.CURRENT) == (encode(EVENT), EVENT)


def test_a_session_keeps_its_client() -> None:
    mix = SchemaMix(old=0.3, new=0.3)
    versions = [version_of(f"s-{number}", mix) for number in range(100)]
    assert versions == [version_of(f"s-{number}", mix) for number in range(100)]
    assert set(versions) == set(ClientVersion)
    assert {version_of(f"s-{number}", SchemaMix()) for number in range(100)} == {ClientVersion.CURRENT}


@pytest.mark.parametrize(
    ("text", "mix"),
    [
        ("0", SchemaMix()),
        ("0.2", SchemaMix(0.1, 0.1)),
        ("old=0.2", SchemaMix(old=0.2)),
        ("new=0.1,old=0.2", SchemaMix(0.2, 0.1)),
    ],
)
def test_a_mix_is_a_share_or_a_table(text: str, mix: SchemaMix) -> None:
    assert parse_schema_mix(text) == mix


@pytest.mark.parametrize("text", ["", "many", "older=0.1", "old", "old=1,new=1", "3", "old=-1", "old=nan", "old=0.1,"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_schema_mix(text)
