"""What makes a replay the same run, what its options say, and what its key says of each line."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from producers.answer_key import Run
from producers.faults.alert_duty import alert_duty_of
from producers.faults.key_writer import KeyWriter
from producers.lines import Line
from producers.replaying.conversion import RowCounts, lines_of_user_records
from producers.replaying.judging import Judge
from producers.replaying.noting import noted
from producers.replaying.options import first_instant_of, instant_of, longest_run_s, span_of, window_of
from producers.replaying.replay import Plan, Span, fingerprint_of, replayed
from producers.replaying.sources import find_recordings
from schemas.errors import ConfigError
from schemas.instants import HOUR_US, format_instant_us, parse_instant_us
from schemas.kpl import UserRecord
from schemas.settings import Settings
from tests.attestations import attestation_line

NOW_US = parse_instant_us("2026-11-24T12:00:00Z")


def no_settings() -> Settings:
    raise AssertionError("a file needs no settings")


def an_event(event_id: str, at_us: int = NOW_US, event_type: str = "purchase", **more: Any) -> bytes:
    fields = {"event_id": event_id, "user_id": "u", "session_id": "s", "event_type": event_type, **more}
    return msgspec.json.encode({**fields, "event_timestamp": format_instant_us(at_us)})


def key_of(*data: bytes) -> list[dict[str, Any]]:
    file = io.BytesIO()
    writer = KeyWriter(file, Run(started="x", command="x"), alert_duty_of("purchase", "24h", NOW_US, 0))
    lines = [Line("k", found) for found in data]
    assert list(noted(iter(lines), writer, NOW_US)) == lines
    writer.close()
    return [json.loads(entry) for entry in gzip.decompress(file.getvalue()).splitlines()]


def test_the_key_has_an_entry_for_each_line_and_knows_copies_and_conflicts() -> None:
    first, other = an_event("a"), an_event("a", page_url="other")
    _, *entries, total = key_of(
        first,
        first,
        other,
        other,
        first.replace(b"{", b"{ "),
        an_event("a", NOW_US - HOUR_US),
        an_event("b", event_type="click"),
        b"no event\n" + an_event("c"),
        b"x" * (1 << 20),
    )
    assert [entry["entry"] for entry in entries] == ["event"] * 7 + ["refused", "event", "unsendable"]
    assert [entry.get("alert", False) for entry in entries if entry["entry"] == "event"] == [True] * 6 + [False, True]
    wanted = {"lines": 10, "facts": 4, "duplicates": 3, "conflicts": 1, "refused": {"not_json": 1}, "unsendable": 1}
    assert {name: total[name] for name in wanted} == wanted


def test_attestations_have_no_entry() -> None:
    assert len(key_of(an_event("a") + b"\n" + attestation_line())) == 3


def test_what_the_pipeline_takes_for_no_attestation_is_sent_and_has_an_entry(tmp_path: Path) -> None:
    attestation = attestation_line()
    as_event, refused = an_event("a")[:-1] + b"," + attestation[1:], attestation[:-1] + b',"user_id":{}}'
    kinds = [entry["entry"] for entry in key_of(as_event, refused)[1:]]
    assert kinds == ["event", "refused", "total"]
    path = tmp_path / "events"
    path.write_bytes(as_event + b"\n" + refused + b"\n" + attestation)
    found = find_recordings([str(path)], None, Span(), no_settings, {})
    assert [line.data for line in replayed(found, Plan(NOW_US), RowCounts())] == [as_event, refused]
    records = [UserRecord("k", data) for data in (as_event, refused, attestation)]
    assert [line.data for line in lines_of_user_records(records, Judge(NOW_US), RowCounts())] == [as_event, refused]


def test_a_run_is_the_same_while_its_recordings_mapping_and_options_are(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(an_event("a"))

    def fingerprint(mapping: str = "none", **options: Any) -> dict[str, str]:
        return fingerprint_of(
            find_recordings([str(path)], None, Span(), no_settings, {}), mapping, Plan(NOW_US, **options)
        )

    before = fingerprint()
    assert before == fingerprint()
    assert before != fingerprint("other")
    for options in (
        {"span": Span(1, 2)},
        {"window_us": 1},
        {"passes": 2},
        {"passes": None},
        {"first_us": 1},
        {"limit": 1},
    ):
        assert before != fingerprint(**options)
    path.write_bytes(an_event("b") + b"\n")
    assert before["recordings"] != fingerprint()["recordings"]


def test_the_limit_is_one_of_lines_over_all_passes(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(an_event("a") + b"\n" + an_event("b"))
    found = find_recordings([str(path)], None, Span(), no_settings, {})
    assert len(list(replayed(found, Plan(NOW_US, passes=None, limit=5), RowCounts()))) == 5


def test_options_name_hours_instants_and_windows() -> None:
    assert instant_of("2026-11-24T12", "--start") == instant_of("2026-11-24T13:00:00+01:00", "--start") == NOW_US
    assert span_of(None, "2026-11-24T12") == Span(None, NOW_US)
    assert (first_instant_of(None, 5), first_instant_of("now", 5)) == (None, 5)
    assert first_instant_of("2026-11-24T12:00:00Z", 5) == NOW_US
    assert (window_of(None), window_of(0.5)) == (None, 30_000_000)
    assert [longest_run_s("max", 0, None), longest_run_s("max", 10, 50), longest_run_s("1x", 0, 5)] == [0, 5, 86400]
    for start, end in (("2026-11-24", None), ("2026-11-24T12", "2026-11-24T12"), (None, "soon")):
        with pytest.raises(ConfigError):
            span_of(start, end)
