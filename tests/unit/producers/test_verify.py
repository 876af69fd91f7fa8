"""The pure parts of a verdict: what is a whole key, what is in scope, how rows and lines are digested."""

from __future__ import annotations

import gzip
import io
from collections.abc import Sequence

import msgspec
import pyarrow as pa
import pytest
from backports import zstd

from producers.answer_key import Entry, Refused, Run, Total, Unsendable
from producers.verify.bucket_lines import lines_of
from producers.verify.key_parts import entries_of
from producers.verify.row_payloads import payloads_of
from producers.verify.scopes import Scope, scope_since
from schemas.attestation import is_attestation
from schemas.codec import encode, payload_digest
from schemas.compression import DamagedError
from schemas.errors import ConfigError
from schemas.event import ClickEvent
from schemas.instants import parse_instant_us
from tests.attestations import attestation_line

RUN = Run(started="2026-11-24T03:10:00.000000Z", command="a test")
REFUSED = Refused(reason="not_json", line="0" * 32)
UNSENDABLE = Unsendable(line="1" * 32)


def total(lines: int = 0, refused: int = 0, unsendable: int = 0) -> Total:
    return Total(
        lines=lines,
        facts=0,
        facts_by_hour={},
        duplicates=0,
        conflicts=0,
        refused={"not_json": refused},
        unsendable=unsendable,
        alerts=0,
    )


def read(*entries: Entry) -> Sequence[Entry]:
    return list(entries_of(map(msgspec.json.encode, entries), "a key"))


def test_the_parts_of_several_processes_follow_each_other() -> None:
    entries: list[Entry] = [RUN, REFUSED, UNSENDABLE, total(2, 1, 1), RUN, REFUSED, total(1, 1)]
    assert read(*entries) == entries


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([], "is empty"),
        ([RUN, REFUSED], "has no end"),
        ([RUN, total(), RUN], "has no end"),
        ([RUN, RUN, total()], "line 2: a part begins before the end"),
        ([REFUSED], "line 1: outside of a run"),
        ([RUN, total(), total()], "line 3: outside of a run"),
        ([RUN, REFUSED, total(2, 1)], "line 3: 1 entries"),
        ([RUN, REFUSED, total(1)], "its end counts 1, 0, 0"),
        ([RUN, UNSENDABLE, total(1)], "line 3: 1 entries, 0 refused, 1 unsendable"),
        ([msgspec.structs.replace(RUN, version="answer_key.v2")], "line 1: version 'answer_key.v2'"),
    ],
)
def test_a_key_that_is_not_whole_is_refused(entries: list[Entry], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read(*entries)


def test_a_line_that_is_no_entry_is_refused() -> None:
    with pytest.raises(ConfigError, match="line 2"):
        list(entries_of([msgspec.json.encode(RUN), b'{"entry":"event","id":1}'], "a key"))


def test_the_scope_of_a_run_begins_with_the_hour_before_it() -> None:
    scope = scope_since(parse_instant_us("2026-11-24T03:10:00Z"))
    folder = "clickstream/year=2026/month=11/day=24/hour={}/a.json.gz"
    assert [scope.holds(folder.format(hour)) for hour in ("01", "02", "03", "23")] == [False, True, True, True]
    assert scope.first_folder() == "clickstream/year=2026/month=11/day=24/hour=02/"


def test_what_names_no_hour_is_in_scope_unless_it_was_there_before() -> None:
    scope = Scope(parse_instant_us("2026-11-24T02:00:00Z"), frozenset({"clickstream/old.json"}))
    assert not scope.holds("clickstream/old.json")
    assert scope.holds("clickstream/new.json") and scope.holds("of nobody")
    assert Scope(None).holds("clickstream/year=2000/month=01/day=01/hour=00/a.json")


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd.compress])
def test_lines_are_the_same_however_they_are_packed(pack: type[bytes]) -> None:
    long = b"x" * 700_000
    lines = [b"one", b"", long, b"two\r", b"last"]
    assert list(lines_of(io.BytesIO(pack(b"\n".join(lines))))) == lines
    assert list(lines_of(io.BytesIO(pack(b"\n".join(lines) + b"\n")))) == lines


def test_of_a_damaged_content_the_whole_lines_are_given_first() -> None:
    packed = gzip.compress(b"one\ntwo\n")
    found = lines_of(io.BytesIO(packed[:-4]))
    assert [next(found), next(found)] == [b"one", b"two"]
    with pytest.raises(DamagedError):
        next(found)


def test_a_row_has_the_digest_of_the_event_that_it_was_made_of() -> None:
    events = [
        ClickEvent(
            event_id=f"e{number}",
            user_id="ü" if number == 2 else "u",
            session_id=f"s{number}",
            event_type="click",
            event_timestamp_us=1_800_000_000_000_000 + number,
            page_url=None if number == 1 else "p",
            metadata={"a": "1", "b": "\n"} if number else {},
        )
        for number in range(4)
    ]
    names = ["user_id", "session_id", "event_type", "device_type", "page_url", "referrer_url"]
    columns: dict[str, pa.Array] = {
        name: pa.array([getattr(event, name) for event in events], pa.large_string()) for name in names
    }
    columns["event_timestamp"] = pa.array([event.event_timestamp_us for event in events], pa.timestamp("us"))
    pairs = [None if not event.metadata else [*event.metadata.items()] for event in events]
    columns["metadata"] = pa.array(pairs, pa.map_(pa.large_string(), pa.large_string()))
    rows = pa.RecordBatch.from_pydict(columns)
    assert [found.hex for found in payloads_of(rows).to_pylist()] == list(map(payload_digest, events))
    assert [found.hex for found in payloads_of(rows.slice(1, 2)).to_pylist()] == list(map(payload_digest, events[1:3]))


def test_an_event_that_speaks_of_attestations_is_no_attestation() -> None:
    line = attestation_line()
    event = ClickEvent(
        event_id="e", user_id="u", session_id="s", event_type="click", event_timestamp_us=1_800_000_000_000_000
    )
    assert is_attestation(line)
    assert not is_attestation(encode(event))
    assert not is_attestation(encode(event)[:-1] + b"," + line[1:])
