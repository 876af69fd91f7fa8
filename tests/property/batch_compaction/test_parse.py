"""A block of any lines gives what the codec says of each of them."""

from __future__ import annotations

import json
import string
from collections import Counter
from datetime import UTC
from typing import Any

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from batch_compaction.parse import hours_of, parse_block
from batch_compaction.raw import RawObject
from schemas.attestation import attestation_of
from schemas.blocks import Block
from schemas.codec import decode
from schemas.event import ClickEvent
from schemas.instants import HOUR_US, datetime_to_us, parse_instant_us
from tests.attestations import attestation_line

ARRIVAL_US = parse_instant_us("2026-11-24T10:00:00Z")
RAW = RawObject("bucket", "clickstream/year=2026/month=11/day=24/hour=10/o.json", "etag", 1, ARRIVAL_US)
FIELDS = (
    *("event_id", "user_id", "session_id", "event_type", "action", "event_timestamp", "timestamp", "device_type"),
    *("page_url", "referrer_url", "metadata", "producer_id", "producer_seq", "foreign"),
)

texts = st.text(max_size=12) | st.text(string.ascii_letters + ' ":\\{}[],/é', max_size=12)
instants = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.from_regex(
        r"(2026-(11|02)-[0-3][0-9]|[0-9]{4}-[01][0-9]-[0-3][0-9])[T ][0-2][0-9]:[0-6][0-9]"
        r"(:[0-6][0-9](\.[0-9]{1,10})?)?(Z|[+-][0-2][0-9](:?[0-6][0-9])?)",
        fullmatch=True,
    ),
    st.sampled_from(
        ["2026-11-24T09:30:00Z", "2026-11-24T09:30:00.5+05:30", "2026-02-29T00:00:00Z", "2024-02-29T00:00:00Z"]
    ),
)
scalars = texts | instants | st.integers(-5, 10**20) | st.floats(allow_nan=False) | st.booleans() | st.none()
metadata = st.dictionaries(texts, texts, max_size=5) | st.dictionaries(texts, scalars, max_size=5)
values = {
    **dict.fromkeys(FIELDS, st.one_of(texts, texts, texts, scalars)),
    "event_timestamp": instants | scalars,
    "timestamp": instants | scalars,
    "metadata": st.one_of(metadata, metadata, scalars, st.lists(scalars, max_size=2)),
    "producer_seq": st.integers(0, 2**64) | scalars,
    "foreign": scalars | metadata,
}
REQUIRED = ("event_id", "user_id", "session_id", "event_type", "event_timestamp")
odd = st.fixed_dictionaries(
    {name: values[name] for name in REQUIRED},
    optional={name: values[name] for name in FIELDS if name not in REQUIRED},
)
good = st.fixed_dictionaries(
    {
        **{
            name: st.text("abc-1é", min_size=1, max_size=8)
            for name in ("event_id", "user_id", "session_id", "event_type")
        },
        "event_timestamp": st.sampled_from(
            ["2026-11-24T09:30:00.123Z", "2026-11-24 09:30:00+00:00", "2026-11-25T10:59Z"]
        ),
    },
    optional={
        "metadata": st.dictionaries(st.text("abé ", max_size=3), st.text("abé ", max_size=3), max_size=6) | st.none(),
        "producer_seq": st.one_of(st.integers(0, 10**18), st.integers(0, 9), st.integers(0, 10**19), st.none()),
        "page_url": st.text("ab/", max_size=3) | st.none(),
        "foreign": st.none() | st.integers(0, 9) | st.text("ab", max_size=2),
    },
)


@st.composite
def written(draw: st.DrawFn) -> bytes:
    """An event as a producer may write it: any order, twice the same key, white space, escapes."""
    pairs = draw(st.permutations(list(draw(st.one_of(good, good, good, odd)).items())))
    if draw(st.integers(0, 9)) == 0:
        pairs = [*pairs, draw(st.sampled_from(pairs))]
    comma, colon = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " : ")]))
    escaped = draw(st.integers(0, 4)) == 0

    def text_of(value: Any) -> str:
        return json.dumps(value, ensure_ascii=escaped, separators=(comma, colon))

    body = comma.join(text_of(name) + colon + text_of(value) for name, value in pairs)
    ending = draw(st.sampled_from(["", "", "", "\r", " "]))
    return ("{" + body + "}" + ending).replace("\n", " ").encode(errors="surrogatepass")


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    line = bytearray(draw(written()))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(line)))
        line[at : at + draw(st.integers(0, 3))] = draw(
            st.binary(max_size=2) | st.sampled_from([b'"', b"}", b"{", b",", b"\\"])
        )
    return bytes(line).replace(b"\n", b"")


attestations = st.builds(attestation_line, count=st.sampled_from([10, 10, 10, 9]), producer_id=texts) | st.just(
    attestation_line()[:-1] + b',"user_id":"u"}'
)
blanks = st.sampled_from([b"", b"  ", b"\x0c", b"{}", b"[]", b"null"])
lines = st.lists(st.one_of(*[written()] * 5, spoilt(), attestations, blanks), max_size=8)


def expected_row(number: int, event: ClickEvent) -> dict[str, Any]:
    return {
        "click_id": event.event_id,
        **{name: getattr(event, name) for name in ("user_id", "session_id", "event_type", "device_type", "page_url")},
        "referrer_url": event.referrer_url,
        "producer_id": event.producer_id,
        "producer_seq": event.producer_seq,
        "metadata": list(event.metadata.items()),
        "event_timestamp": event.event_timestamp_us,
        "source_object": RAW.key,
        "source_line": number,
    }


@given(lines, st.integers(2, 3))
def test_of_lines_in_hours_that_are_not_wanted_only_the_number_is_told(given_lines: list[bytes], every: int) -> None:
    def wants(hour_us: int) -> bool:
        return hour_us // HOUR_US % every == 0

    block = Block(b"\n".join(given_lines), 0)
    whole, some = parse_block(RAW, block), parse_block(RAW, block, wants=wants)
    is_wanted = [wants(hour_us) for hour_us in hours_of(whole.accepted).tolist()]
    assert some.accepted.equals(whole.accepted.filter(pa.array(is_wanted, pa.bool_())))
    assert (some.counts, some.lines, some.blank) == (whole.counts, whole.lines, whole.blank)
    assert some.quarantined.equals(whole.quarantined)
    assert some.attestations.equals(whole.attestations)


@given(lines, st.booleans(), st.integers(1, 1000))
@example(
    [b'{"event_id":"a","user_id":"u","session_id":"s","event_type":"e","event_timestamp":"2026-11-24T09:30Z"}'], True, 1
)
def test_a_block_is_its_lines(given_lines: list[bytes], ends_with_newline: bool, first_line: int) -> None:
    data = b"\n".join(given_lines) + (b"\n" if ends_with_newline and given_lines else b"")
    count = data.count(b"\n") + bool(data and not data.endswith(b"\n"))
    parsed = parse_block(RAW, Block(data, 77), first_line)

    accepted, attested, quarantined, blank = [], [], [], 0
    for number, line in enumerate(data.split(b"\n")[:count], first_line):
        verdict = decode(line, ARRIVAL_US)
        if isinstance(verdict, ClickEvent):
            accepted.append(expected_row(number, verdict))
        elif not line.strip():
            blank += 1
        elif (attestation := attestation_of(line, verdict)) is not None:
            attested.append((number, attestation.producer_id))
        else:
            quarantined.append((number, line, str(verdict.reason), verdict.detail))

    rows = parsed.accepted.sort_by("source_line").to_pylist()
    for row in rows:
        row["event_timestamp"] = datetime_to_us(row["event_timestamp"].replace(tzinfo=UTC))
    assert rows == accepted
    assert [
        tuple(row.values())
        for row in parsed.quarantined.select(["source_line", "raw_bytes", "reason", "detail"]).to_pylist()
    ] == quarantined
    rows = parsed.attestations.select(["source_line", "producer_id"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == attested
    assert (parsed.lines, parsed.blank) == (count, blank)
    assert sorted(hours_of(parsed.accepted)) == sorted(row["event_timestamp"] // HOUR_US * HOUR_US for row in accepted)
    assert parsed.counts == Counter(hours_of(parsed.accepted).tolist())
    for row in parsed.quarantined.to_pylist():
        offset = row["byte_offset"] - 77
        assert data[offset : offset + len(row["raw_bytes"])] == row["raw_bytes"]
