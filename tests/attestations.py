"""Attestation lines for tests, as a producer puts them among its events."""

from typing import Any

from msgspec.structs import replace

from schemas.attestation import Attestation, encode_attestation

ATTESTATION = Attestation(
    producer_id="p-1",
    send_hour="2026-11-24T10:00:00.000000Z",
    first_seq=10,
    last_seq=19,
    count=10,
    digest="0" * 32,
    closed_timestamp="2026-11-24T11:00:00.000001Z",
    is_last=False,
)


def attestation_line(**fields: Any) -> bytes:
    """Return the line of an attestation of ten events."""
    return encode_attestation(replace(ATTESTATION, **fields))
