"""The answer key beside the codec, which knows nothing of it: each line that is made decodes to what its entry says."""

from __future__ import annotations

import gzip
import io
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.answer_key import Accepted, Entry, Refused, Run, Total, Unsendable
from producers.batching import MAX_RECORD_BYTES
from producers.faults.alert_duty import AlertDuty, Duty, alert_duty_of
from producers.faults.answer import Answer
from producers.faults.fault_plan import EVENT_FAULTS, FaultPlan, parse_plan
from producers.faults.injection import Encode, canonical, inject
from producers.faults.key_writer import KeyWriter
from producers.lines import Line, line_digest_text
from producers.shop.simulation import simulate
from producers.shop.visitors import Visitors
from schemas.codec import decode, encode, payload_digest
from schemas.event import ClickEvent, Rejection
from schemas.instants import HOUR_US, SECOND_US, format_instant_us, parse_instant_us

END_US = parse_instant_us("2026-11-24T12:00:00Z")
EVENTS = list(simulate(Visitors(events=3000, users=1000, end_us=END_US, span_us=30 * HOUR_US), 8))
# Small lines, so that many examples take little.
WITHOUT_LARGE = tuple(name for name in EVENT_FAULTS if name not in ("too_large", "unsendable"))
DUTY = alert_duty_of("purchase, signup", "24h", END_US, 60)
EVERYTHING = Path(__file__).parents[3] / "bench" / "faults" / "everything.toml"
RUN = Run(started="2026-11-24T12:00:00.000000Z", command="clickstream simulate")


class Stamper:
    def __init__(self) -> None:
        self.count = 0

    def stamp(self, data: bytes) -> bytes:
        self.count += 1
        return data[:-1] + b',"producer_id":"p","producer_seq":%d}' % (self.count - 1)


def entries_of(key: bytes) -> list[Entry]:
    decoder = msgspec.json.Decoder(Accepted | Refused | Unsendable | Run | Total)
    return [decoder.decode(line) for line in gzip.decompress(key).splitlines()]


def without_id(event: ClickEvent) -> tuple[bytes, ClickEvent]:
    """Return an event as a client writes it that gives no id, and numbers as numbers."""
    fields = msgspec.json.decode(encode(event))
    del fields["event_id"]
    fields["metadata"] = {"build": 7, **event.metadata}
    said = msgspec.structs.replace(event, metadata={"build": "7", **event.metadata})
    return msgspec.json.encode(fields), msgspec.structs.replace(said, event_id=payload_digest(said))


def made(
    events: Iterable[ClickEvent],
    plan: FaultPlan,
    seed: int,
    duty: AlertDuty = DUTY,
    *,
    stamped: bool = False,
    encode_as: Encode = canonical,
) -> tuple[list[Line], list[Entry], Answer]:
    file, answer = io.BytesIO(), Answer()
    key = KeyWriter(file, RUN, duty)
    lines = list(inject(events, plan, seed, answer, stamper=Stamper() if stamped else None, key=key, encode=encode_as))
    key.close()
    return lines, entries_of(file.getvalue()), answer


def check_entry(line: Line, entry: Entry, arrival_us: int) -> None:
    """Check one entry against what the codec makes of the line's bytes."""
    assert isinstance(entry, Accepted | Refused | Unsendable)
    assert entry.line == line_digest_text(line.data)
    if isinstance(entry, Unsendable):
        assert len(line.data) > MAX_RECORD_BYTES
        return
    read = decode(line.data, arrival_us)
    if isinstance(read, Rejection):
        assert isinstance(entry, Refused) and entry.reason == read.reason
        return
    assert isinstance(entry, Accepted)
    assert (entry.id, entry.type, entry.payload) == (read.event_id, read.event_type, payload_digest(read))
    assert entry.hour == format_instant_us(read.event_timestamp_us)[:13]
    assert line.partition_key == read.user_id


def check_total(entries: list[Entry], total: Entry, answer: Answer) -> None:
    """Check the counts against sets of the entries, which the writer does not keep."""
    assert isinstance(total, Total)
    accepted = [entry for entry in entries if isinstance(entry, Accepted)]
    payloads: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    facts_by_hour: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for entry in accepted:
        if (entry.id, entry.hour) not in payloads:
            facts_by_hour[entry.hour][entry.type] += 1
        payloads[entry.id, entry.hour].add(entry.payload)
    distinct = len({(entry.id, entry.hour, entry.payload) for entry in accepted})
    assert total == Total(
        lines=len(entries),
        facts=len(payloads),
        facts_by_hour=facts_by_hour,
        duplicates=len(accepted) - distinct,
        conflicts=distinct - len(payloads),
        refused=Counter(entry.reason for entry in entries if isinstance(entry, Refused)),
        unsendable=sum(isinstance(entry, Unsendable) for entry in entries),
        alerts=len({entry.id for entry in accepted if entry.alert}),
        alerts_allowed=len({entry.id for entry in accepted if entry.alert_allowed}),
    )
    assert (answer.lines, answer.events, answer.duplicates) == (total.lines, total.facts, total.duplicates)
    assert (answer.conflicts, answer.unsendable, answer.corrupt) == (total.conflicts, total.unsendable, total.refused)


@st.composite
def plans(draw: st.DrawFn) -> FaultPlan:
    event_faults = draw(st.lists(st.sampled_from(WITHOUT_LARGE), unique=True))
    tables: dict[str, dict[str, object]] = {name: {"share": 1 / len(event_faults)} for name in event_faults}
    for name in draw(st.lists(st.sampled_from(("clock_ahead", "clock_behind", "clock_absurd")), unique=True)):
        tables[name] = {"share": draw(st.floats(0.01, 0.3))}
    for name in ("duplicate", "conflict", "out_of_order"):
        if name in tables:
            tables[name]["within"] = draw(st.integers(1, 300))
    if "clock_ahead" in tables:
        tables["clock_ahead"]["most"] = draw(st.sampled_from(("5m", "3h", "23h")))
    if draw(st.booleans()):
        tables["retry_storm"] = {"share": 0.2, "window": draw(st.sampled_from(("30s", "20m"))), "times": 2}
    return msgspec.convert(tables, FaultPlan)


@settings(max_examples=40, deadline=None)
@given(plans(), st.integers(0, 2**63), st.booleans(), st.sampled_from((canonical, without_id)), st.integers(0, 3))
def test_each_line_decodes_to_what_its_entry_says(
    plan: FaultPlan, seed: int, stamped: bool, encode_as: Encode, hours_later: int
) -> None:
    first = seed % 2900
    lines, entries, answer = made(EVENTS[first : first + 100], plan, seed, stamped=stamped, encode_as=encode_as)
    assert entries[0] == RUN
    assert len(lines) == len(entries) - 2
    for line, entry in zip(lines, entries[1:-1], strict=True):
        check_entry(line, entry, END_US + hours_later * HOUR_US)
    check_total(entries[1:-1], entries[-1], answer)


def test_every_fault_of_the_plan_of_everything_is_met_and_known() -> None:
    plan = parse_plan(EVERYTHING.read_text("utf-8"), EVERYTHING.name)
    lines, entries, answer = made(EVENTS, plan, 1, stamped=True)
    for line, entry in zip(lines, entries[1:-1], strict=True):
        check_entry(line, entry, END_US)
    check_total(entries[1:-1], entries[-1], answer)
    missing = (
        set(FaultPlan.__struct_fields__) - {"throttle", "partial_failure", "split", "merge"} - answer.faults.keys()
    )
    assert not missing
    assert set(answer.corrupt) == set(plan.corrupt.reasons if plan.corrupt else ()) | {"too_large"}


@settings(max_examples=20, deadline=None)
@given(plans(), st.integers(0, 1000), st.integers(2, 4), st.randoms(use_true_random=False))
def test_several_processes_in_any_order_make_the_same_key(
    plan: FaultPlan, seed: int, parts: int, random: Random
) -> None:
    events = EVENTS[:300]
    _, whole, answer = made(events, plan, seed)
    shuffled = list(events)
    random.shuffle(shuffled)
    together: list[Entry] = []
    totals = []
    for part in range(parts):
        _, entries, _ = made(shuffled[part::parts], plan, seed)
        together += entries[1:-1]
        total = entries[-1]
        assert isinstance(total, Total)
        totals.append(total)
    assert Counter(together) == Counter(whole[1:-1])
    assert sum(total.lines for total in totals) == answer.lines
    assert sum(total.facts for total in totals) == answer.events


def test_keys_of_several_processes_are_joined_by_their_bytes() -> None:
    plan, files = parse_plan("[duplicate]\nshare = 0.5\n", "p"), []
    for part in range(2):
        file = io.BytesIO()
        key = KeyWriter(file, RUN, DUTY)
        list(inject(EVENTS[part:1000:2], plan, 1, Answer(), key=key))
        key.close()
        files.append(file.getvalue())
    joined = entries_of(b"".join(files))
    assert joined == entries_of(files[0]) + entries_of(files[1])
    assert [type(entry) for entry in joined].count(Total) == 2


@given(st.integers(0, 60 * 60), st.integers(-2, 2), st.integers(0, 3000))
def test_an_alert_is_required_or_none_only_where_every_arrival_agrees(run_s: int, off_s: int, arrival_s: int) -> None:
    duty = alert_duty_of("purchase", "24h", END_US, run_s)
    purchase = next(event for event in EVENTS if event.event_type == "purchase")
    for edge_us in (duty.first_arrival_us, duty.last_arrival_us):
        event = msgspec.structs.replace(purchase, event_timestamp_us=edge_us - 24 * HOUR_US + off_s * SECOND_US)
        arrival_us = min(duty.first_arrival_us + arrival_s * SECOND_US, duty.last_arrival_us)
        is_too_old = arrival_us - event.event_timestamp_us > 24 * HOUR_US
        assert duty.of(event) is not (Duty.REQUIRED if is_too_old else Duty.NONE)


def test_events_around_the_age_limit_are_left_open() -> None:
    plan = parse_plan('[late]\nshare = 0.5\nleast = "1m"\nmost = "6h"\n', "p")
    _, entries, _ = made(EVENTS, plan, 1)
    purchases = [entry for entry in entries if isinstance(entry, Accepted) and entry.type == "purchase"]
    found = Counter((entry.alert, entry.alert_allowed) for entry in purchases)
    assert found[True, False] > found[False, False] > found[False, True] > 0 == found[True, True]
    _, entries, _ = made(EVENTS, plan, 1, alert_duty_of("purchase", "off", END_US, 1))
    assert all(entry.alert for entry in entries if isinstance(entry, Accepted) and entry.type == "purchase")
    assert not any(entry.alert for entry in entries if isinstance(entry, Accepted) and entry.type == "signup")
