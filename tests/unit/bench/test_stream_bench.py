"""The stream benchmark: what it feeds, and what it makes of what it measured."""

from __future__ import annotations

import msgspec
import pytest
from aws_kinesis_agg.deaggregator import iter_deaggregate_records

from bench.stream import figures_of
from bench.stream_alerts import latency_figures, quantiles
from bench.stream_input import ARRIVAL_US, EVENT_BYTES, RECORD_EVENTS, RECORD_PURCHASES, Packing, Pool
from bench.stream_plain import Consumer
from bench.stream_producer import Note
from schemas.alert import PurchaseAlert, alert_of
from schemas.codec import decode
from schemas.event import PURCHASE, ClickEvent
from schemas.kpl import payloads, user_records

FORMS = 10
POOL = Pool(FORMS)
# Beyond the pool's size, where what is not unique comes round again.
NUMBERS = (0, 1, FORMS - 1, FORMS, 12_345)
SECOND_NS = 10**9


def events_of(number: int) -> list[ClickEvent]:
    events = [decode(line, ARRIVAL_US) for line in POOL.lines(number)]
    return [event for event in events if isinstance(event, ClickEvent)]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_record_holds_a_hundred_valid_events_of_one_size_and_three_purchases(number: int) -> None:
    assert [len(line) for line in POOL.lines(number)] == [EVENT_BYTES] * RECORD_EVENTS
    assert [event.event_type for event in events_of(number)].count(PURCHASE) == RECORD_PURCHASES
    assert len(events_of(number)) == RECORD_EVENTS


@pytest.mark.parametrize("number", NUMBERS)
def test_most_events_hold_an_escaped_umlaut(number: int) -> None:
    assert sum(rb"\u00fc" in line for line in POOL.lines(number)) > RECORD_EVENTS / 2
    assert sum("ü" in (event.page_url or "") for event in events_of(number)) > RECORD_EVENTS / 2


@pytest.mark.parametrize("number", NUMBERS)
def test_both_packings_hold_the_same_events_under_their_users(number: int) -> None:
    blob = POOL.blob(number)
    assert payloads(blob) == POOL.lines(number)
    keys = [record.partition_key for record in user_records(blob, "-")]
    assert keys == [event.user_id for event in events_of(number)]


def test_the_reference_reads_the_records() -> None:
    record = {"SequenceNumber": "1", "PartitionKey": "-", "ApproximateArrivalTimestamp": 0, "Data": POOL.blob(7)}
    read = list(iter_deaggregate_records([record], data_format="Boto3"))
    assert [r["kinesis"]["partitionKey"] for r in read] == [event.user_id for event in events_of(7)]


def test_the_same_number_gives_the_same_record_and_no_purchase_comes_twice() -> None:
    assert [Pool(FORMS).blob(number) for number in NUMBERS] == [POOL.blob(number) for number in NUMBERS]
    bought = [event.event_id for number in range(5 * FORMS) for event in events_of(number)[-RECORD_PURCHASES:]]
    assert len(set(bought)) == len(bought)


def test_the_plain_consumer_finds_the_same_purchases_in_both_packings_once() -> None:
    aggregated, one_event = Consumer(), Consumer()
    for number in (0, 1, 1):
        aggregated.fetch(Packing.AGGREGATED, POOL, range(number, number + 1))
        one_event.fetch(Packing.ONE_EVENT, POOL, range(number, number + 1))
    assert aggregated.purchases == one_event.purchases == 2 * RECORD_PURCHASES


def alert(event_id: str, *, maybe_repeat: bool = False) -> PurchaseAlert:
    found = alert_of(events_of(0)[-1], ARRIVAL_US, PURCHASE)
    return msgspec.structs.replace(found, event_id=event_id, maybe_repeat=maybe_repeat)


def notes(*seconds: float) -> list[Note]:
    return [Note(f"e{number}", int((at - 0.1) * SECOND_NS), int(at * SECOND_NS)) for number, at in enumerate(seconds)]


def test_latency_counts_from_the_put_of_what_was_put_after_the_warm_up() -> None:
    sent = notes(100, 110, 115, 171)
    late_ms = (900, 20, 40, 60)
    came = [(alert(note.event_id), note.put_ns + ms * 10**6) for note, ms in zip(sent, late_ms, strict=True)]
    figures = latency_figures(sent, came, warm_up_s=10)
    assert (figures["alerts"], figures["alert_p50_ms"], figures["alert_max_ms"]) == (3, 40, 60)
    assert figures["alert_p50_by_minute_ms"] == [20, 60]
    assert figures["alert_p50_with_batching_ms"] == 140


def test_a_missing_alert_is_an_error() -> None:
    sent = notes(1, 2)
    with pytest.raises(RuntimeError, match="1 of 2 alerts did not come"):
        latency_figures(sent, [(alert("e0"), 2 * SECOND_NS)], warm_up_s=0)


def test_a_repeat_is_an_error_unless_it_says_so() -> None:
    sent = notes(1)
    first = (alert("e0"), 2 * SECOND_NS)
    assert latency_figures(sent, [first, (alert("e0", maybe_repeat=True), 3 * SECOND_NS)], 0)["alerts_repeated"] == 1
    with pytest.raises(RuntimeError, match="1 came again unflagged"):
        latency_figures(sent, [first, (alert("e0"), 3 * SECOND_NS)], 0)


def test_a_quantile_is_a_value_that_occurred() -> None:
    assert quantiles([4.0, 1.0, 3.0, 2.0]) == {"p50_ms": 2.0, "p95_ms": 4.0, "p99_ms": 4.0, "max_ms": 4.0}


def test_a_ratio_is_the_median_of_the_ratios_of_runs_beside_each_other() -> None:
    ours = [{"events_per_s": rate, "start_s": 9.0, "cpu_us_per_event": 3.0} for rate in (100.0, 300.0, 200.0)]
    theirs = [{"events_per_s": rate} for rate in (50.0, 60.0, 100.0)]
    figures = figures_of({"decode": ours, "sql": theirs}, {"decode": "events_per_s_slot", "sql": "flink_sql"})
    assert figures["events_per_s_slot"] == 200
    assert figures["flink_sql_events_per_s"] == 60
    assert figures["ratio_flink_sql"] == 2
