"""Dead letters for people and for programs."""

from __future__ import annotations

import base64

from schemas.dead_letter import DeadLetter, dead_letter_of
from schemas.instants import parse_instant_us
from stream_jobs.found_letters import Found
from stream_jobs.listing import HEADING, line_of, listed, payload_line_of

SENT_US = parse_instant_us("2026-11-24T10:00:00.5Z")


def found(letter: DeadLetter | None, body: str = "") -> Found:
    return Found("7c1fa4d2-0000-4000-8000-000000000000", SENT_US, letter, body)


def letter(payload: bytes, event_id: str | None = None) -> DeadLetter:
    return dead_letter_of(
        payload, reason="not_json", detail="at byte 3", stage="decode", arrival_us=SENT_US, event_id=event_id
    )


def test_a_line_stands_under_its_heading() -> None:
    line = line_of(listed(found(letter(b"{", event_id="e-1")), None))
    for name, text in (
        ("message id", "7c1fa4d2"),
        ("sent", "2026-11-24 10:00:00"),
        ("stage", "decode"),
        ("reason", "not_json"),
        ("detail", "e-1: at byte 3"),
    ):
        assert line.index(text) == HEADING.index(name)


def test_text_is_shown_as_text_and_other_bytes_as_base64() -> None:
    text, data = listed(found(letter("ü{".encode())), "ü{".encode()), listed(found(letter(b"\xff{")), b"\xff{")
    assert (text.payload, text.payload_base64) == ("ü{", None)
    assert (data.payload, data.payload_base64) == (None, base64.b64encode(b"\xff{").decode())


def test_bytes_do_not_steer_the_terminal() -> None:
    assert payload_line_of(listed(found(letter(b"\x1b[2J\n")), b"\x1b[2J\n")) == r"    \x1b[2J\n"
    assert payload_line_of(listed(found(letter(b"\xff\x1b")), b"\xff\x1b")) == r"    b'\xff\x1b'"
    assert "\x1b" not in line_of(listed(found(letter(b"{", event_id="\x1b[2J")), None))


def test_a_payload_that_cannot_be_read_is_told_in_its_place() -> None:
    line = payload_line_of(listed(found(letter(b"")), None, "its payload is gone from s3://a/b"))
    assert line.strip() == "its payload is gone from s3://a/b"


def test_a_foreign_message_is_shown_with_its_body() -> None:
    shown = listed(found(None, "hello"), b"hello")
    assert (shown.reason, shown.stage, shown.payload, shown.payload_bytes) == ("not_a_dead_letter", None, "hello", 5)
    assert " -        not_a_dead_letter " in line_of(shown)
