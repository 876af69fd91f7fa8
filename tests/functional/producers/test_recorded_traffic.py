"""The recorded traffic: what its rows become, counted by another route from the files themselves."""

from __future__ import annotations

import gzip
import re
from collections import Counter, defaultdict
from dataclasses import dataclass

import pytest

from producers.lines import Line
from producers.replaying.conversion import RowCounts
from producers.replaying.mapping import load_mapping
from producers.replaying.replay import Plan, Span, replayed
from producers.replaying.sources import find_recordings
from schemas.codec import decode
from schemas.event import ClickEvent, Rejection
from schemas.instants import hour_floor_us, parse_instant_us
from schemas.settings import Settings
from tests.recordings import APACHE, RECORDINGS, REES46_OCTOBER, SNOWPLOW_SHOP, SNOWPLOW_WEB, Recording

NOW_US = parse_instant_us("2026-11-24T12:00:00Z")


@dataclass(frozen=True, slots=True)
class Replayed:
    lines: list[Line]
    counts: RowCounts
    accepted: list[ClickEvent]
    rejected: list[Rejection]

    @property
    def payloads_by_id(self) -> dict[str, Counter[str]]:
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for event in self.accepted:
            found[event.event_id][repr(event)] += 1
        return found

    @property
    def distinct_types(self) -> Counter[str]:
        return Counter({event.event_id: event.event_type for event in self.accepted}.values())

    @property
    def duplicates(self) -> int:
        return sum(count - 1 for payloads in self.payloads_by_id.values() for count in payloads.values())

    @property
    def conflicting_ids(self) -> set[str]:
        return {event_id for event_id, payloads in self.payloads_by_id.items() if len(payloads) > 1}


def no_settings() -> Settings:
    raise AssertionError("a file needs no settings")


def replay(recording: Recording) -> Replayed:
    found = find_recordings([str(recording.path)], load_mapping(recording.mapping), Span(), no_settings, {})
    counts = RowCounts()
    lines = list(replayed(found, Plan(NOW_US), counts))
    read = [decode(line.data, NOW_US) for line in lines]
    return Replayed(
        lines,
        counts,
        [event for event in read if not isinstance(event, Rejection)],
        [event for event in read if isinstance(event, Rejection)],
    )


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.mapping)
def test_a_recording_becomes_what_its_rows_say(recording: Recording) -> None:
    replayed = replay(recording)
    assert replayed.distinct_types == recording.types(recording.path)
    assert len(replayed.lines) == recording.rows
    assert replayed.duplicates == recording.duplicates
    assert len(replayed.conflicting_ids) == recording.conflicts
    assert Counter(rejection.reason for rejection in replayed.rejected) == recording.rejected


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.mapping)
def test_every_row_is_in_one_count_and_one_line(recording: Recording) -> None:
    replayed = replay(recording)
    assert replayed.counts.read == len(replayed.lines) == len(replayed.accepted) + len(replayed.rejected)
    assert replayed.counts.unparsable + replayed.counts.incomplete == len(replayed.rejected)
    assert not any(b"\n" in line.data for line in replayed.lines)


def test_the_purchases_of_rees46_sum_to_what_the_shop_took_and_the_cut_row_keeps_its_bytes() -> None:
    replayed = replay(REES46_OCTOBER)
    paid = sum(int(e.metadata["amount_minor"]) for e in replayed.accepted if e.event_type == "purchase")
    assert paid == 5_944_263
    with gzip.open(REES46_OCTOBER.path) as file:
        assert replayed.lines[-1].data == file.read().splitlines()[-1]


def test_the_two_payloads_of_a_snowplow_id_fall_into_one_hour() -> None:
    replayed = replay(SNOWPLOW_WEB)
    conflicts = replayed.conflicting_ids
    hours = {(e.event_id, hour_floor_us(e.event_timestamp_us)) for e in replayed.accepted if e.event_id in conflicts}
    assert len(hours) == 3


def test_the_purchases_of_snowplow_carry_order_amount_and_currency() -> None:
    purchases = [event.metadata for event in replay(SNOWPLOW_SHOP).accepted if event.event_type == "purchase"]
    assert len({metadata["order_id"] for metadata in purchases}) == len(purchases) == 14
    assert all(metadata["amount_minor"].isdigit() and metadata["currency"] for metadata in purchases)


def test_a_visitor_of_the_apache_log_is_an_address_with_a_browser() -> None:
    replayed = replay(APACHE)
    with gzip.open(APACHE.path) as file:
        valid = [line for line in file.read().splitlines() if line.endswith(b'"')]
    visitors = {(line.split()[0], line.split(b'"')[5]) for line in valid}
    assert len({event.user_id for event in replayed.accepted}) == len(visitors)


def test_no_address_of_the_apache_log_is_sent() -> None:
    replayed = replay(APACHE)
    with gzip.open(APACHE.path) as file:
        recorded = file.read().splitlines()
    for line, sent in zip(recorded, replayed.lines, strict=True):
        address = line.split()[0]
        elsewhere = line.count(address) > 1
        assert elsewhere or not re.search(rb"(?<![\d.])" + re.escape(address) + rb"(?![\d.])", sent.data)
