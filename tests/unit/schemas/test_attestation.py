"""The attestation on the stream: written, read back, and told from everything else."""

import pytest

from schemas.attestation import Attestation, digest_text, encode_attestation, line_digest, read_attestation
from schemas.codec import decode
from schemas.event import Rejection

ATTESTATION = Attestation(
    producer_id="p-1",
    send_hour="2026-11-24T03:00:00.000000Z",
    first_seq=10,
    last_seq=19,
    count=10,
    digest="0" * 32,
    closed_timestamp="2026-11-24T04:00:00.000001Z",
    is_last=False,
)


def test_what_is_written_is_read_back() -> None:
    assert read_attestation(encode_attestation(ATTESTATION)) == ATTESTATION


def test_it_is_no_event() -> None:
    assert isinstance(decode(encode_attestation(ATTESTATION), 0), Rejection)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"attestation.v1",
        b'{"schema_version":"attestation.v1"}',
        encode_attestation(ATTESTATION)[:-1],
        encode_attestation(ATTESTATION).replace(b'"first_seq":10', b'"first_seq":"10"'),
        encode_attestation(ATTESTATION).replace(b'"schema_version":"attestation.v1"', b'"schema_version":"x"'),
        encode_attestation(ATTESTATION).replace(b"p-1", b"\xff"),
    ],
    ids=["empty", "only its name", "without fields", "cut", "another type", "another version", "no text"],
)
def test_anything_else_is_none(line: bytes) -> None:
    assert read_attestation(line) is None


def test_a_digest_does_not_depend_on_the_order() -> None:
    lines = [b"a", b"b", b"c"]
    assert digest_text(sum(map(line_digest, lines))) == digest_text(sum(map(line_digest, reversed(lines))))
    assert digest_text(line_digest(b"a")) != digest_text(line_digest(b"b"))
    assert len(digest_text(3 * ((1 << 128) - 1))) == 32
