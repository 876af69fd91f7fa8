"""The recount's own reading of an attestation and the contract's come to the same, whatever the bytes."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batch_compaction.recount_attestations import content_of, read_attestation
from batch_compaction.recount_events import read_event
from schemas.attestation import attestation_of
from schemas.codec import decode
from schemas.event import Rejection
from schemas.instants import parse_instant_us, us_to_timestamp
from tests.attestations import attestation_line
from tests.property.batch_compaction.test_recount_events import ARRIVAL, instants, numbers, scalars, spaces, texts

RIGHT = {key: json.dumps(value) for key, value in json.loads(attestation_line()).items()}
DIGESTS = ["0" * 32, "f" * 32, "F" * 32, "g" * 32, "", "0" * 33, "0" * 32 + r"\n"]
WRONG: dict[str, st.SearchStrategy[str]] = {
    "schema_version": st.sampled_from([r'"attestation\u002ev1"', '"attestation.v2"', '"xattestation.v1"', "null"]),
    "producer_id": texts | st.just('"attestation.v1"'),
    "send_hour": instants,
    "first_seq": numbers,
    "last_seq": numbers,
    "count": st.sampled_from(["10", "10.0", "1e1", "010", '"10"']),
    "digest": st.sampled_from(DIGESTS).map('"{}"'.format),
    "closed_timestamp": instants,
    "is_last": st.sampled_from(["true", "null", "0", '"true"']),
    "user_id": texts,
    "foreign": scalars,
    r"send\u005fhour": instants,
}


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    pairs: list[tuple[str, str]] = list(RIGHT.items())
    for _ in range(draw(st.integers(0, 2))):
        key = draw(st.sampled_from(sorted(WRONG)))
        places = [place for place, (name, _) in enumerate(pairs) if name == key]
        value: str = draw(WRONG[key])
        if draw(st.booleans()) and places:
            pairs[places[0]] = (key, value)
        else:
            pairs.insert(draw(st.integers(0, len(pairs))), (key, value))
    if draw(st.integers(0, 4)) == 0:
        pairs.pop(draw(st.integers(0, len(pairs) - 1)))
    text = "{" + ",".join(f'"{key}"{draw(spaces)}:{value}' for key, value in pairs) + "}" + draw(spaces)
    return text.encode("utf-8", "surrogatepass")


def by_the_contract(line: bytes) -> dict[str, Any] | None:
    refused = decode(line, ARRIVAL)
    attestation = attestation_of(line, refused) if isinstance(refused, Rejection) else None
    if attestation is None:
        return None
    values = msgspec.structs.asdict(attestation)
    del values["schema_version"]
    named = ("send_hour", "closed_timestamp")
    return values | {name: us_to_timestamp(parse_instant_us(values[name])) for name in named}


@settings(max_examples=1500, deadline=None)
@given(lines())
@example(attestation_line())
@example(attestation_line(first_seq=0, last_seq=-1, count=0))
@example(attestation_line(send_hour="2026-11-24T10:30:00+05:30"))
@example(attestation_line().replace(b'"count":10', b'"count":9,"count":10'))
def test_both_come_to_the_same_on_lines_that_are_almost_attestations(line: bytes) -> None:
    mine = read_attestation(line) if read_event(line, ARRIVAL) == "missing_field" else None
    assert mine == by_the_contract(line)


def test_the_content_tells_attestations_apart_by_what_they_say_alone() -> None:
    one, other = (read_attestation(attestation_line(first_seq=seq, count=20 - seq)) for seq in (10, 11))
    assert one is not None and other is not None
    assert content_of(one) == content_of(dict(reversed(one.items()))) != content_of(other)
