"""Stamps and attestations: each event of a producer is attested once, by its number and its bytes."""

from __future__ import annotations

import msgspec
import pytest

from producers.attestor import Attestor
from producers.stamping import Stamped, Stamper
from schemas.attestation import digest_text, line_digest
from schemas.codec import decode, encode
from schemas.event import ClickEvent, Rejection
from schemas.instants import HOUR_US, parse_instant_us

NOON_US = parse_instant_us("2026-11-24T12:00:00Z")
EVENT = ClickEvent(event_id="e", user_id="ana", session_id="s", event_type="click", event_timestamp_us=NOON_US)


def test_a_stamp_is_what_the_event_says_of_its_producer() -> None:
    stamper = Stamper('a "producer"', first_seq=7)
    for seq in (7, 8):
        event = decode(stamper.stamp(encode(EVENT)), NOON_US)
        assert not isinstance(event, Rejection)
        assert (event.producer_id, event.producer_seq) == ('a "producer"', seq)
        assert msgspec.structs.replace(event, producer_id=None, producer_seq=None) == EVENT


def test_the_digest_is_that_of_the_stamped_bytes() -> None:
    stamper = Stamper("p")
    lines = [stamper.stamp(encode(EVENT)) for _ in range(5)]
    assert stamper.stamped == Stamped(5, sum(map(line_digest, lines)))


def test_a_stamper_that_begins_anew_gives_the_same_bytes_and_keeps_digests_from_a_number_on() -> None:
    first, again = Stamper("p"), Stamper("p", digest_from=3)
    lines = [first.stamp(encode(EVENT)) for _ in range(5)]
    assert [again.stamp(encode(EVENT)) for _ in range(5)] == lines
    assert again.stamped == Stamped(5, sum(map(line_digest, lines[3:])))


def test_attestations_follow_each_other_without_a_gap() -> None:
    stamper, attestor = Stamper("p"), Attestor("p", 0, NOON_US + 5)
    lines: list[bytes] = []
    found = []
    for hour, count in enumerate((3, 0, 2, 1)):
        lines += [stamper.stamp(encode(EVENT)) for _ in range(count)]
        found.append(attestor.attest(stamper.stamped, NOON_US + (hour + 1) * HOUR_US, is_last=hour == 3))
    assert found[1] is None
    attestations = [attestation for attestation in found if attestation is not None]
    assert [(a.send_hour[11:13], a.first_seq, a.last_seq, a.count, a.is_last) for a in attestations] == [
        ("12", 0, 2, 3, False),
        ("14", 3, 4, 2, False),
        ("15", 5, 5, 1, True),
    ]
    for a in attestations:
        assert a.digest == digest_text(sum(map(line_digest, lines[a.first_seq : a.last_seq + 1])))


def test_an_hour_is_due_at_its_end() -> None:
    attestor = Attestor("p", 0, NOON_US + 5)
    assert attestor.due_us == NOON_US + HOUR_US
    attestor.attest(Stamped(0, 0), NOON_US + 3 * HOUR_US, is_last=False)
    assert attestor.due_us == NOON_US + 4 * HOUR_US


@pytest.mark.parametrize("stamped", [Stamped(0, 0), Stamped(4, 0)])
def test_a_producer_that_stamped_nothing_new_does_not_attest(stamped: Stamped) -> None:
    assert Attestor("p", 4, NOON_US).attest(stamped, NOON_US, is_last=True) is None


def test_the_end_is_told_even_when_the_last_hour_has_no_events_but_only_once() -> None:
    attestor = Attestor("p", 0, NOON_US)
    attestor.attest(Stamped(2, 9), NOON_US + HOUR_US, is_last=False)
    last = attestor.attest(Stamped(2, 9), NOON_US + HOUR_US, is_last=True)
    assert last is not None
    assert (last.first_seq, last.last_seq, last.count, last.digest, last.is_last) == (2, 1, 0, digest_text(0), True)
    assert attestor.attest(Stamped(2, 9), NOON_US + HOUR_US, is_last=True) is None
