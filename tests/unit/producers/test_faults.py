"""Faults on purpose: at most one for each event, the same for whoever meets it, and counted as they are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec
import pytest

from producers.batching import MAX_RECORD_BYTES
from producers.faults import damage
from producers.faults.answer import Answer
from producers.faults.fault_plan import FaultPlan, parse_plan
from producers.faults.injection import canonical, inject
from producers.faults.plan_options import plan_of_options
from producers.faults.retry_storms import MOST_HELD
from producers.lines import Line
from producers.shop.simulation import simulate
from producers.shop.visitors import Visitors
from schemas.codec import decode, encode, payload_digest
from schemas.errors import ConfigError
from schemas.event import MAX_EVENT_BYTES, PURCHASE, ClickEvent, Rejection, RejectReason
from schemas.instants import HOUR_US, SECOND_US, parse_instant_us

END_US = parse_instant_us("2026-11-24T12:00:00Z")
VISITORS = Visitors(events=5000, users=200, end_us=END_US, span_us=6 * HOUR_US)
SHORTHAND = plan_of_options(None, duplicates=0.05, late=0.05, corrupt=0.05)
EVENTS = list(simulate(VISITORS, 3))
BY_ID = {event.event_id: event for event in EVENTS}


def plan_of(toml: str) -> FaultPlan:
    return parse_plan(toml, "test")


def injected(plan: FaultPlan, seed: int = 3) -> tuple[list[Line], Answer]:
    answer = Answer()
    return list(inject(EVENTS, plan, seed, answer)), answer


def accepted(lines: list[Line]) -> list[ClickEvent]:
    read = [decode(line.data, END_US) for line in lines]
    return [event for event in read if not isinstance(event, Rejection)]


class Counting:
    """A stamper that numbers as the producer's does."""

    def __init__(self) -> None:
        self.count = 0

    def stamp(self, data: bytes) -> bytes:
        self.count += 1
        return data[:-1] + b',"producer_id":"p","producer_seq":%d}' % (self.count - 1)


def test_without_a_plan_every_event_goes_out_once_and_unchanged() -> None:
    lines, answer = injected(FaultPlan())
    assert [line.data for line in lines] == [encode(event) for event in EVENTS]
    assert (answer.events, answer.lines, answer.faults) == (5000, 5000, Counter())


def test_the_answer_is_what_the_codec_makes_of_the_lines() -> None:
    lines, answer = injected(SHORTHAND)
    read = [decode(line.data, END_US) for line in lines]
    events = [event for event in read if not isinstance(event, Rejection)]
    distinct = {event.event_id: event for event in events}
    assert answer.lines == len(lines)
    assert answer.events == len(distinct)
    assert answer.duplicates == len(events) - len(distinct) > 0
    assert answer.corrupt == Counter(event.reason for event in read if isinstance(event, Rejection))
    assert answer.event_types == Counter(event.event_type for event in distinct.values())
    assert answer.purchases == answer.event_types[PURCHASE] > 0


def test_the_answer_counts_only_what_was_taken() -> None:
    answer = Answer()
    lines = inject(EVENTS, plan_of_options(None, duplicates=0.3, late=0.3, corrupt=0.3), 1, answer)
    for taken in range(1, 500):
        next(lines)
        assert answer.lines == taken


def test_a_share_is_kept() -> None:
    _, answer = injected(plan_of("[duplicate]\nshare = 0.2\n[corrupt]\nshare = 0.1\n[extra_fields]\nshare = 0.05\n"))
    assert answer.faults["duplicate"] == pytest.approx(1000, abs=100)
    assert answer.faults["corrupt"] == pytest.approx(500, abs=75)
    assert answer.faults["extra_fields"] == pytest.approx(250, abs=50)


def test_the_same_visits_on_another_day_get_the_same_faults() -> None:
    moved = Visitors(5000, 200, END_US + 3 * 24 * HOUR_US, 6 * HOUR_US)
    answers = []
    for visitors in (VISITORS, moved):
        answers.append(Answer())
        assert list(inject(simulate(visitors, 3), SHORTHAND, 3, answers[-1]))
    assert answers[0] == answers[1] != injected(SHORTHAND, seed=4)[1]


def test_copies_are_equal_in_every_byte_and_follow_soon() -> None:
    lines, answer = injected(plan_of("[duplicate]\nshare = 0.1\nwithin = 50\n"))
    first: dict[bytes, int] = {}
    distances = []
    for place, line in enumerate(lines):
        if line.data in first:
            distances.append(place - first[line.data])
        first.setdefault(line.data, place)
    assert len(distances) == answer.duplicates > 300
    assert min(distances) > 0 and max(distances) <= 60


def test_copies_go_on_to_the_end_when_the_events_do_not() -> None:
    answer = Answer()
    (event,) = EVENTS[:1]
    lines = list(inject([event], plan_of("[duplicate]\nshare = 1\n"), 1, answer))
    assert [line.data for line in lines] == [encode(event)] * 2


def test_a_conflict_is_another_payload_of_the_same_user_type_and_time() -> None:
    lines, answer = injected(plan_of("[conflict]\nshare = 0.1\nwithin = 20\n"))
    found: dict[str, list[ClickEvent]] = {}
    for event in accepted(lines):
        found.setdefault(event.event_id, []).append(event)
    pairs = [events for events in found.values() if len(events) == 2]
    assert len(pairs) == answer.conflicts > 300 and answer.events == 5000
    for first, second in pairs:
        assert payload_digest(first) != payload_digest(second)
        same = ("user_id", "session_id", "event_type", "event_timestamp_us", "metadata")
        assert [getattr(first, name) for name in same] == [getattr(second, name) for name in same]


def test_stamps_ascend_but_for_copies_and_a_conflict_has_its_own() -> None:
    plan = plan_of(
        "[duplicate]\nshare = 0.1\n[conflict]\nshare = 0.1\n[out_of_order]\nshare = 0.1\n"
        "[missing_optional]\nshare = 0.1\n"
    )
    stamper, answer = Counting(), Answer()
    events = accepted(list(inject(EVENTS, plan, 3, answer, stamper=stamper)))
    numbers = [event.producer_seq for event in events if event.producer_seq is not None]
    firsts = list(dict.fromkeys(numbers))
    assert firsts == list(range(stamper.count))
    assert stamper.count == answer.events + answer.conflicts == len(numbers) - answer.duplicates


def test_a_damaged_line_was_stamped_before() -> None:
    stamper, answer = Counting(), Answer()
    lines = list(inject(EVENTS, plan_of("[missing_required]\nshare = 1\n"), 3, answer, stamper=stamper))
    assert stamper.count == len(lines) == 5000
    assert all(b'"producer_seq":%d' % number in line.data for number, line in enumerate(lines))


def test_a_storm_sends_all_of_a_stretch_again_and_again() -> None:
    lines, answer = injected(plan_of('[retry_storm]\nshare = 0.1\nwindow = "2m"\ntimes = 4\n'))
    times = Counter(line.data for line in lines)
    assert set(times.values()) == {1, 5}
    assert answer.duplicates == answer.faults["retry_storm"] == 4 * sum(count == 5 for count in times.values())
    windows: dict[int, set[int]] = {}
    for line in lines:
        assert line.event_us is not None
        windows.setdefault(line.event_us // (120 * SECOND_US), set()).add(times[line.data])
    assert all(len(counts) == 1 for counts in windows.values())
    stormy = sum(counts == {5} for counts in windows.values())
    assert 5 < stormy < 40


def test_a_storm_comes_as_a_burst() -> None:
    lines, _ = injected(plan_of('[retry_storm]\nshare = 0.05\nwindow = "5m"\ntimes = 3\n'))
    seen: set[bytes] = set()
    is_copy = []
    for line in lines:
        is_copy.append(line.data in seen)
        seen.add(line.data)
    bursts = "".join("x" if copy else "." for copy in is_copy).split(".")
    longest = max(map(len, bursts))
    assert longest > 3 * 40 and sum(len(burst) > 0 for burst in bursts) < 20


def test_a_long_storm_comes_in_parts() -> None:
    answer = Answer()
    lines = inject(EVENTS, plan_of('[retry_storm]\nshare = 1\nwindow = "9999d"\ntimes = 1\n'), 1, answer)
    for _ in range(MOST_HELD + 2):
        next(lines)
    assert answer.duplicates == 2
    assert sum(1 for _ in lines) == 2 * 5000 - MOST_HELD - 2


def test_displaced_events_come_later_and_change_nothing_else() -> None:
    lines, answer = injected(plan_of("[out_of_order]\nshare = 0.1\nwithin = 30\n"))
    assert sorted(line.data for line in lines) == sorted(encode(event) for event in EVENTS)
    places = {line.data: place for place, line in enumerate(lines)}
    moved = [places[encode(event)] - place for place, event in enumerate(EVENTS)]
    assert max(moved) <= 31 and sum(by > 5 for by in moved) > 200
    assert answer.faults["out_of_order"] == pytest.approx(500, abs=75)


def test_late_events_are_moved_by_what_the_plan_says() -> None:
    lines, answer = injected(plan_of('[late]\nshare = 0.2\nleast = "10m"\nmost = "2h"\n'))
    moved = [BY_ID[event.event_id].event_timestamp_us - event.event_timestamp_us for event in accepted(lines)]
    late = [by for by in moved if by]
    assert len(late) == answer.late == answer.faults["late"]
    assert 600 * SECOND_US <= min(late) < 900 * SECOND_US and 1.9 * HOUR_US < max(late) <= 2 * HOUR_US


def test_a_clock_is_wrong_by_the_same_for_all_events_of_a_user() -> None:
    plan = plan_of(
        '[clock_ahead]\nshare = 0.2\nleast = "1m"\nmost = "23h"\n[clock_behind]\nshare = 0.2\n'
        "[clock_absurd]\nshare = 0.2\n[duplicate]\nshare = 0.5\n"
    )
    lines, answer = injected(plan)
    skews: dict[str, set[int]] = {}
    for event in accepted(lines):
        skews.setdefault(event.user_id, set()).add(event.event_timestamp_us - BY_ID[event.event_id].event_timestamp_us)
    assert all(len(skew) == 1 for skew in skews.values())
    found = Counter("ahead" if by > 0 else "behind" if by < 0 else "right" for (by,) in skews.values())
    assert min(found.values()) > 20
    refused = {line.partition_key for line in lines if isinstance(decode(line.data, END_US), Rejection)}
    assert len(refused) > 20 and not refused & skews.keys()
    assert answer.corrupt == {RejectReason.ABSURD_TIMESTAMP: answer.faults["clock_absurd"]}


@pytest.mark.parametrize("later_us", [0, 10 * 365 * 24 * HOUR_US])
def test_an_absurd_clock_is_absurd_whenever_it_arrives(later_us: int) -> None:
    lines, _ = injected(plan_of("[clock_absurd]\nshare = 1\n"))
    for line in lines:
        verdict = decode(line.data, END_US + later_us)
        assert isinstance(verdict, Rejection) and verdict.reason is RejectReason.ABSURD_TIMESTAMP


def test_a_hot_key_makes_its_share_of_the_traffic() -> None:
    lines, answer = injected(plan_of('[hot_key]\nshare = 0.3\nuser_id = "robot"\n'))
    hot = [line for line in lines if line.partition_key == "robot"]
    assert len(hot) == answer.faults["hot_key"] == pytest.approx(1500, abs=150)
    assert all(isinstance(event := decode(line.data, END_US), ClickEvent) and event.user_id == "robot" for line in hot)


def test_missing_optional_fields_are_absent_and_an_absent_id_is_the_digest() -> None:
    lines, answer = injected(plan_of("[missing_optional]\nshare = 1\n"))
    absent = Counter(
        field
        for line in lines
        for field in ("event_id", "device_type", "page_url", "referrer_url", "metadata")
        if field not in msgspec.json.decode(line.data)
    )
    assert answer.events == 5000 and min(absent.values()) > 800
    without_id = [line for line in lines if b'"event_id"' not in line.data]
    assert len(without_id) == absent["event_id"]
    assert len({event.event_id for event in accepted(lines)}) == 5000


def test_extra_fields_change_nothing() -> None:
    lines, _ = injected(plan_of("[extra_fields]\nshare = 1\n"))
    assert accepted(lines) == EVENTS
    assert all(b'"experiment"' in line.data for line in lines)


def test_large_lines_are_as_large_as_they_must_be() -> None:
    answer = Answer()
    plan = plan_of("[too_large]\nshare = 0.5\n[unsendable]\nshare = 0.5\n")
    lines = list(inject(EVENTS[:60], plan, 3, answer))
    sizes = [len(line.data) for line in lines]
    assert answer.unsendable == sum(size > MAX_RECORD_BYTES for size in sizes) > 10
    assert answer.corrupt[RejectReason.TOO_LARGE] == sum(MAX_EVENT_BYTES < size < 300_000 for size in sizes) > 10
    assert answer.lines == 60


@pytest.mark.parametrize(
    ("reason", "number"), [(reason, number) for reason, ways in damage.DAMAGES.items() for number in range(len(ways))]
)
def test_a_damaged_line_is_refused_for_its_reason_stamped_or_not(reason: RejectReason, number: int) -> None:
    foreign = [
        msgspec.structs.replace(event, page_url="https://shop.example/größe/😀" + "ü" * n)
        for n, event in enumerate(EVENTS[:20])
    ]
    for event in (*EVENTS[:50], *foreign):
        for data in (encode(event), Counting().stamp(encode(event))):
            damaged = damage.DAMAGES[reason][number](data)
            verdict = decode(damaged, END_US)
            assert isinstance(verdict, Rejection) and verdict.reason is reason, damaged
            assert b"\n" not in damaged and damaged.strip()


def test_every_reason_that_a_producer_can_cause_is_caused() -> None:
    by_share = {RejectReason.TOO_LARGE, RejectReason.DAMAGED_OBJECT}
    assert damage.DAMAGES.keys() == set(RejectReason) - by_share
    _, answer = injected(plan_of("[corrupt]\nshare = 1\n"))
    assert answer.corrupt.keys() == damage.DAMAGES.keys()
    _, answer = injected(plan_of('[corrupt]\nshare = 1\nreasons = ["not_json"]\n'))
    assert answer.corrupt == {RejectReason.NOT_JSON: 5000}


def test_the_bytes_are_those_of_the_encoder_that_is_given() -> None:
    def old_version(event: ClickEvent) -> tuple[bytes, ClickEvent]:
        fields = msgspec.json.decode(encode(event))
        fields["action"] = fields.pop("event_type")
        return msgspec.json.encode(fields), event

    plan = plan_of("[hot_key]\nshare = 0.2\n[duplicate]\nshare = 0.2\n[extra_fields]\nshare = 0.2\n")
    answer = Answer()
    lines = list(inject(EVENTS[:300], plan, 3, answer, encode=old_version))
    assert all(b'"action"' in line.data for line in lines)
    assert len(accepted(lines)) == answer.lines > 300


def test_events_are_taken_one_by_one() -> None:
    taken = 0

    def events() -> Iterator[ClickEvent]:
        nonlocal taken
        for event in EVENTS:
            taken += 1
            yield event

    lines = inject(events(), SHORTHAND, 3, Answer(), encode=canonical)
    for _ in range(10):
        next(lines)
    assert taken == 10


@pytest.mark.parametrize("shares", [{"duplicates": 1.5}, {"late": -0.1, "corrupt": 2.0}])
def test_a_share_outside_of_0_and_1_is_refused_with_every_fault_told(shares: dict[str, float]) -> None:
    with pytest.raises(ConfigError) as error:
        plan_of_options(None, **shares)
    assert len(error.value.faults) == len(shares)


def test_shares_that_add_up_to_more_than_all_events_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"add up to 1\.2"):
        plan_of_options(None, duplicates=0.6, corrupt=0.6)
