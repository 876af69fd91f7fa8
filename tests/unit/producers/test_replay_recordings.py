"""Files as recordings: what they are is told by their bytes, and damage after all that is whole."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from backports import zstd

from producers.replaying.conversion import RowCounts
from producers.replaying.mapping import parse_mapping
from producers.replaying.replay import Plan, Span, replayed
from producers.replaying.sources import find_recordings
from schemas.errors import ConfigError, WorkFailedError
from schemas.instants import parse_instant_us
from schemas.settings import Settings

NOW_US = parse_instant_us("2026-11-24T12:00:00Z")
CSV = """
format = "csv"
[fields]
user_id = "who"
session_id = "visit"
event_type = "what"
[timestamp]
source = "at"
[metadata]
price = "price"
"""


def no_settings() -> Settings:
    raise AssertionError("a file needs no settings")


def sent(*paths: Path, mapping: str | None = None) -> list[bytes]:
    declared = None if mapping is None else parse_mapping(mapping, "mine")
    found = find_recordings(list(map(str, paths)), declared, Span(), no_settings, {})
    return [line.data for line in replayed(found, Plan(NOW_US), RowCounts())]


def test_compression_is_known_by_its_bytes_not_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "recording.txt"
    for content in (
        b"one\ntwo",
        gzip.compress(b"one\n") + gzip.compress(b"two"),
        zstd.compress(b"one\ntwo\n"),
        b"\xef\xbb\xbfone\n\n\ntwo",
    ):
        path.write_bytes(content)
        assert sent(path) == [b"one", b"two"]
    path.write_bytes(b"")
    assert sent(path) == []


def test_the_elements_of_an_array_are_lines(tmp_path: Path) -> None:
    path = tmp_path / "recording.json"
    path.write_bytes(b'[{"user_id": "a"},\n {"user_id": "b"}]')
    assert [line.strip() for line in sent(path)] == [b'{"user_id": "a"}', b'{"user_id": "b"}']


@pytest.mark.parametrize("mapping", [None, CSV])
def test_a_cut_file_gives_its_lines_and_then_tells_the_damage(tmp_path: Path, mapping: str | None) -> None:
    path = tmp_path / "recording.gz"
    lines = b"at,who,visit,what,price\n" + b"".join(b"line %d\n" % number for number in range(1000))
    path.write_bytes(gzip.compress(lines)[:-20])
    declared = None if mapping is None else parse_mapping(mapping, "mine")
    found = find_recordings([str(path)], declared, Span(), no_settings, {})
    taken = []
    with pytest.raises(WorkFailedError, match=r"recording\.gz is damaged after line [1-9]"):
        for line in replayed(found, Plan(NOW_US), RowCounts()):
            taken.append(line.data)
    assert taken[-1].startswith(b"line ") and len(taken) > 900


def test_a_large_file_of_another_kind_is_refused_with_what_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "recording.csv"
    path.write_bytes(b"at,who,visit,what,price\n" * 5000)
    with pytest.raises(ConfigError, match="needs a mapping"):
        sent(path)


def test_all_sources_that_cannot_be_replayed_are_told_before_anything_is_sent(tmp_path: Path) -> None:
    good, lacking, cut, broken = (tmp_path / name for name in ("good.csv", "lacking.csv", "cut.gz", "broken.avro"))
    good.write_bytes(b"price,at,who,visit,what\n")
    lacking.write_bytes(b"at,who\n")
    cut.write_bytes(gzip.compress(b"x")[:12])
    broken.write_bytes(b"Obj\x01")
    assert sent(good, mapping=CSV) == []
    with pytest.raises(ConfigError) as caught:
        sent(tmp_path / "none.csv", good, lacking, cut, broken, tmp_path / "sub", mapping=CSV)
    said = "\n".join(caught.value.faults)
    assert "none.csv is not a file" in said and "cut.gz is damaged" in said and "sub is not a file" in said
    assert "lacking.csv has no column 'price'" in said and "no column 'visit'" in said
    assert "broken.avro is an archive" in said
    assert str(good) not in said
