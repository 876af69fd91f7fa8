"""The attestation on the stream: written, read back, and told from everything else."""

import pytest
from msgspec.structs import replace

from schemas.attestation import attestation_of, digest_text, encode_attestation, line_digest, read_attestation
from schemas.codec import decode, encode
from schemas.event import ClickEvent, Rejection, RejectReason
from tests.attestations import ATTESTATION, attestation_line

LINE = attestation_line()


def test_what_is_written_is_read_back() -> None:
    assert read_attestation(LINE) == ATTESTATION


def test_it_is_no_event_and_told_from_other_lines_that_are_none() -> None:
    refused = decode(LINE, 0)
    assert isinstance(refused, Rejection)
    assert attestation_of(LINE, refused) == ATTESTATION
    assert attestation_of(LINE, Rejection(RejectReason.TOO_LARGE, "")) is None


def test_what_is_an_event_too_is_an_event() -> None:
    event = ClickEvent(
        event_id="e", user_id="u", session_id="s", event_type="t", event_timestamp_us=1795514400000000, producer_id="p"
    )
    both = LINE[:-1] + b"," + encode(event)[1:]
    assert decode(both, event.event_timestamp_us) == event


def test_an_hour_in_which_nothing_was_sent_may_be_attested() -> None:
    nothing = replace(ATTESTATION, first_seq=0, last_seq=-1, count=0)
    assert read_attestation(encode_attestation(nothing)) == nothing


@pytest.mark.parametrize(
    "fields",
    [
        {"count": 9},
        {"first_seq": -1, "count": 21},
        {"last_seq": 2**63, "count": 2**63 - 9},
        {"digest": "0" * 31},
        {"digest": "0" * 31 + "A"},
        {"digest": "0" * 32 + "\n"},
        {"producer_id": ""},
        {"send_hour": "2026-11-24T03:00:00.000001Z"},
        {"send_hour": "2026-11-24T03:00:00"},
        {"send_hour": "0001-01-01T00:00:00+10:00"},
        {"closed_timestamp": "9999-12-31T23:59:59-10:00"},
        {"closed_timestamp": "then"},
    ],
    ids=str,
)
def test_what_contradicts_itself_is_none(fields: dict[str, object]) -> None:
    assert read_attestation(attestation_line(**fields)) is None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"attestation.v1",
        b'{"schema_version":"attestation.v1"}',
        attestation_line(producer_id="attestation.v1").replace(b"schema_version", b"other"),
        LINE[:-1],
        LINE.replace(b'"first_seq":10', b'"first_seq":"10"'),
        LINE.replace(b'"schema_version":"attestation.v1"', b'"schema_version":"x"'),
        LINE.replace(b"p-1", b"\xff"),
    ],
    ids=[
        *("empty", "only its name", "without fields", "without a version", "cut", "another type", "another version"),
        "no text",
    ],
)
def test_anything_else_is_none(line: bytes) -> None:
    assert read_attestation(line) is None


def test_a_digest_does_not_depend_on_the_order() -> None:
    lines = [b"a", b"b", b"c"]
    assert digest_text(sum(map(line_digest, lines))) == digest_text(sum(map(line_digest, reversed(lines))))
    assert digest_text(line_digest(b"a")) != digest_text(line_digest(b"b"))
    assert len(digest_text(3 * ((1 << 128) - 1))) == 32
