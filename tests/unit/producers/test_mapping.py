"""The mapping file: what it may say, and that all its faults are told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from producers.replaying.mapping import Source, load_mapping, parse_mapping, shipped_mappings
from producers.replaying.paths import path_steps, value_at
from schemas.errors import ConfigError

SMALL = """
format = "csv"
[fields]
user_id = "visitor"
session_id = ["session", "visit"]
page_url = { join = ["host", "path"], hash = 16 }
[constants]
event_type = "page_view"
[timestamp]
source = "at"
"""


def faults_of(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_mapping(text, "mine")
    return list(caught.value.faults)


def test_a_source_is_a_column_a_list_to_try_or_a_table() -> None:
    mapping = parse_mapping(SMALL, "mine")
    assert mapping.fields["user_id"] == Source(first=("visitor",))
    assert mapping.fields["session_id"] == Source(first=("session", "visit"))
    assert mapping.fields["page_url"] == Source(join=("host", "path"), hash=16)
    assert mapping.needed_columns == {"visitor", "session", "visit", "host", "path", "at"}


@pytest.mark.parametrize("name", shipped_mappings())
def test_a_shipped_mapping_holds_together(name: str) -> None:
    assert load_mapping(name).needed_columns


def test_the_shipped_mappings_are_these() -> None:
    assert shipped_mappings() == ["apache-combined", "rees46", "rees46-noheader", "snowplow-ecommerce", "snowplow-web"]


def test_a_mapping_is_also_found_as_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SMALL, encoding="utf-8")
    assert load_mapping(str(path)) == parse_mapping(SMALL, "mine")


def test_a_mapping_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="apache-combined, rees46"):
        load_mapping(str(tmp_path / "none.toml"))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_mapping(str(path))


def test_all_faults_are_told_at_once() -> None:
    faults = faults_of("""
        format = "regex"
        columns = ["a", "a"]
        pattern = "(?P<a>.)("
        redact = "["
        [fields]
        user = "a"
        user_id = { first = ["a"], join = ["b"] }
        page_url = { first = ["a"], hash = 4, only = ["purchase"] }
        event_type = "a"
        [constants]
        event_type = "page_view"
        [values.metadata]
        a = "b"
        [timestamp]
        source = "at"
        format = "rfc"
        zone = "Mars/Olympus"
    """)
    said = "\n".join(faults)
    for part in (
        "columns belongs to the csv format",
        "names a column twice",
        "pattern is not a regular expression",
        "redact is not a regular expression",
        "fields: 'user' is no text field",
        "values: 'metadata' is no text field",
        "event_type is in fields and in constants",
        "nothing gives session_id",
        "fields.user_id needs either first or join",
        "hash keeps 16 to 64",
        "only is for metadata",
        "timestamp.format is 'rfc'",
        "timestamp.zone is 'Mars/Olympus'",
    ):
        assert part in said
    assert all(fault.startswith("mapping mine: ") for fault in faults)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("format = ", "mapping mine"),
        ('format = "xml"', "xml"),
        ('format = "csv"', "timestamp"),
        (SMALL + 'colour = "red"', "colour"),
        (SMALL.replace('"csv"', '"regex"'), "needs a pattern"),
        (SMALL.replace('"csv"', '"csv"\npattern = "x"'), "pattern belongs to the regex format"),
        (SMALL.replace('"csv"', '"csv"\ncolumns = ["at"]'), "there is no column 'visitor'"),
    ],
)
def test_a_faulty_mapping_is_refused(text: str, why: str) -> None:
    assert why in "\n".join(faults_of(text))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("plain", "text"),
        ("json/0/name", "first"),
        ("json/1/tags/1", "b"),
        ("nested/inner", 7),
        ("odd~1name/a~0b", "found"),
        ("json/9/name", None),
        ("json/name", None),
        ("plain/name", None),
        ("nested/inner/deeper", None),
        ("absent/name", None),
        ("empty/name", None),
    ],
)
def test_a_path_leads_into_nested_values_and_json_texts(path: str, value: object) -> None:
    row = {
        "plain": "text",
        "json": '[{"name": "first"}, {"tags": ["a", "b"]}]',
        "nested": {"inner": 7},
        "odd/name": {"a~b": "found"},
        "empty": "",
    }
    assert value_at(row, path_steps(path)) == value
