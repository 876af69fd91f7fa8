"""The recorded traffic: what its rows become, counted by another route from the files themselves."""

from __future__ import annotations

import gzip
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from producers.lines import Line
from producers.mapping import load_mapping
from producers.recordings import check_recordings, read_lines, rows_of
from producers.replay import RowCounts, lines_by_mapping
from schemas.codec import decode
from schemas.event import ClickEvent, Rejection
from schemas.instants import hour_floor_us, parse_instant_us

DATA = Path(__file__).parents[3] / ".." / "shared" / "data"
REES46_OCTOBER = DATA / "rees46-2019-10" / "2019-10-01_0000-0250.csv.gz"
REES46_NOVEMBER = DATA / "rees46-2019-10" / "2019-11-01_0000-0004_noheader.csv"
SNOWPLOW_WEB = DATA / "snowplow-events" / "snowplow_web_events.csv"
SNOWPLOW_SHOP = DATA / "snowplow-events" / "snowplow_ecommerce_events.csv.gz"
APACHE = DATA / "apache-access-2015" / "access.log.gz"
NOW_US = parse_instant_us("2026-11-24T12:00:00Z")
ACTION = "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1_0_0"
CLIENT_SESSION = "contexts_com_snowplowanalytics_snowplow_client_session_1_0_1"


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


def replay(path: Path, name: str) -> Replayed:
    if not path.exists():
        pytest.skip(f"the recording {path.name} is not on this machine")
    mapping, counts = load_mapping(name), RowCounts()
    check_recordings([path], mapping)
    lines = list(lines_by_mapping(rows_of(read_lines(path), mapping), mapping, counts))
    read = [decode(line.data, NOW_US) for line in lines]
    return Replayed(
        lines,
        counts,
        [event for event in read if not isinstance(event, Rejection)],
        [event for event in read if isinstance(event, Rejection)],
    )


def counted(query: str) -> dict[str, int]:
    return dict(duckdb.sql(query).fetchall())


def test_rees46_with_a_header() -> None:
    replayed = replay(REES46_OCTOBER, "rees46")
    source = f"read_csv('{REES46_OCTOBER}', all_varchar = true, ignore_errors = true)"
    names = "CASE event_type WHEN 'view' THEN 'page_view' WHEN 'cart' THEN 'add_to_cart' ELSE event_type END"
    rows = f"SELECT DISTINCT * FROM {source} WHERE user_session IS NOT NULL"
    assert replayed.distinct_types == counted(f"SELECT {names}, count(*) FROM ({rows}) GROUP BY 1")
    assert (len(replayed.lines), len(replayed.accepted), replayed.duplicates) == (17_435, 17_434, 5)
    assert (len(replayed.rejected), replayed.counts.unparsable, replayed.conflicting_ids) == (1, 1, set())
    paid = sum(int(e.metadata["amount_minor"]) for e in replayed.accepted if e.event_type == "purchase")
    assert paid == 5_944_263
    with gzip.open(REES46_OCTOBER) as file:
        assert replayed.lines[-1].data == file.read().splitlines()[-1]


def test_rees46_without_a_header() -> None:
    replayed = replay(REES46_NOVEMBER, "rees46-noheader")
    names = "CASE column1 WHEN 'view' THEN 'page_view' WHEN 'cart' THEN 'add_to_cart' ELSE column1 END"
    source = f"read_csv('{REES46_NOVEMBER}', all_varchar = true, header = false)"
    assert replayed.distinct_types == counted(f"SELECT {names}, count(*) FROM {source} GROUP BY 1")
    assert (len(replayed.lines), len(replayed.rejected), replayed.duplicates) == (683, 0, 0)


def test_snowplow_web() -> None:
    replayed = replay(SNOWPLOW_WEB, "snowplow-web")
    names = "CASE WHEN event_name IN ('link_click', 'object_click') THEN 'click' ELSE event_name END"
    rows = (
        f"SELECT event_id, any_value({names}) AS name FROM read_csv('{SNOWPLOW_WEB}', all_varchar = true) "
        "WHERE domain_userid IS NOT NULL AND domain_sessionid IS NOT NULL GROUP BY 1"
    )
    assert replayed.distinct_types == counted(f"SELECT name, count(*) FROM ({rows}) GROUP BY 1")
    assert (len(replayed.lines), len(replayed.accepted), replayed.duplicates) == (160, 158, 0)
    assert sorted(rejection.detail for rejection in replayed.rejected) == ["session_id", "user_id"]
    assert replayed.counts.incomplete == 2
    conflicts = replayed.conflicting_ids
    assert len(conflicts) == 3
    hours = {(e.event_id, hour_floor_us(e.event_timestamp_us)) for e in replayed.accepted if e.event_id in conflicts}
    assert len(hours) == 3


def test_snowplow_shop() -> None:
    replayed = replay(SNOWPLOW_SHOP, "snowplow-ecommerce")
    names = (
        f"CASE coalesce({ACTION}->>'type', event_name) WHEN 'product_view' THEN 'page_view' "
        "WHEN 'list_view' THEN 'page_view' WHEN 'list_click' THEN 'click' WHEN 'promo_click' THEN 'click' "
        "WHEN 'checkout_step' THEN 'checkout' WHEN 'transaction' THEN 'purchase' "
        f"ELSE coalesce({ACTION}->>'type', event_name) END"
    )
    rows = (
        f"SELECT {names} AS name FROM read_csv('{SNOWPLOW_SHOP}', all_varchar = true) "
        f"WHERE coalesce(domain_userid, {CLIENT_SESSION}->0->>'userId') IS NOT NULL"
    )
    assert replayed.distinct_types == counted(f"SELECT name, count(*) FROM ({rows}) GROUP BY 1")
    assert (len(replayed.lines), len(replayed.accepted), replayed.duplicates) == (833, 832, 0)
    assert [rejection.detail for rejection in replayed.rejected] == ["user_id"]
    purchases = [event.metadata for event in replayed.accepted if event.event_type == "purchase"]
    assert len({metadata["order_id"] for metadata in purchases}) == len(purchases) == 14
    assert all(metadata["amount_minor"].isdigit() and metadata["currency"] for metadata in purchases)


def test_the_apache_log() -> None:
    replayed = replay(APACHE, "apache-combined")
    with gzip.open(APACHE) as file:
        recorded = file.read().splitlines()
    valid = [line for line in recorded if line.endswith(b'"')]
    assert replayed.distinct_types == {"page_view": len(set(valid))}
    assert (len(replayed.lines), len(replayed.accepted), replayed.duplicates) == (10_000, 9_999, 19)
    assert (replayed.counts.unparsable, replayed.conflicting_ids) == (1, set())
    visitors = {(line.split()[0], line.split(b'"')[5]) for line in valid}
    assert len({event.user_id for event in replayed.accepted}) == len(visitors)


def test_no_address_of_the_apache_log_is_sent() -> None:
    replayed = replay(APACHE, "apache-combined")
    with gzip.open(APACHE) as file:
        recorded = file.read().splitlines()
    for line, sent in zip(recorded, replayed.lines, strict=True):
        address = line.split()[0]
        elsewhere = line.count(address) > 1
        assert elsewhere or not re.search(rb"(?<![\d.])" + re.escape(address) + rb"(?![\d.])", sent.data)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (REES46_OCTOBER, "rees46"),
        (REES46_NOVEMBER, "rees46-noheader"),
        (SNOWPLOW_WEB, "snowplow-web"),
        (SNOWPLOW_SHOP, "snowplow-ecommerce"),
        (APACHE, "apache-combined"),
    ],
)
def test_every_row_is_in_one_count_and_one_line(path: Path, name: str) -> None:
    replayed = replay(path, name)
    assert replayed.counts.read == len(replayed.lines) == len(replayed.accepted) + len(replayed.rejected)
    assert replayed.counts.unparsable + replayed.counts.incomplete == len(replayed.rejected)
    assert not any(b"\n" in line.data for line in replayed.lines)
