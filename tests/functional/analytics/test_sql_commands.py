"""`clickstream sql`: what is shipped is listed, and printed with a deployment's own names."""

from __future__ import annotations

import json

import pytest

from analytics.rendering.catalog import FILES
from analytics.sql_cli import QUERIES, SQL
from schemas.settings import Settings
from tests.commands import run, summary_of

SETTINGS = Settings(
    stream="clickstream",
    raw_bucket="our-raw",
    curated_bucket="our-curated",
    alerts_topic_arn="arn:aws:sns:us-east-1:123456789012:PurchaseAlerts",
    dead_letter_queue_url="http://127.0.0.1/queue",
    database="our_tables",
    raw_database="our_lines",
)


@pytest.fixture(autouse=True)
def _deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in SETTINGS.as_environment().items():
        monkeypatch.setenv(variable, value)


def shown(*arguments: str) -> str:
    result = run("sql", "show", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_everything_that_is_shipped_is_listed_with_a_sentence() -> None:
    known = summary_of("sql", "list")
    on_disk = {str(path.relative_to(SQL).with_suffix("")) for path in SQL.rglob("*.sql")}
    assert set(known) == on_disk
    assert f"{QUERIES}/top_pages" in known
    assert all(sentence and not sentence.startswith("--") for sentence in known.values())
    listed = run("sql", "list").stdout
    assert all(name in listed for name in known)


@pytest.mark.parametrize("name", [file.path.removesuffix(".sql") for file in FILES])
def test_a_file_is_printed_for_this_deployment(name: str) -> None:
    text = shown(name)
    for placeholder in ("RAW_BUCKET", "CURATED_BUCKET", " clickstream_raw.", "`clickstream_raw`"):
        assert placeholder not in text


def test_hours_moments_and_roles_are_written_in() -> None:
    hours = ("--from", "2027-01-31T22", "--to", "2027-02-01T02")
    load = shown("load_hours", *hours)
    assert (
        "event_timestamp >= TIMESTAMP '2027-01-31 22:00:00' AND event_timestamp < TIMESTAMP '2027-02-01 02:00:00'"
        in load
    )
    assert "(year = 2027 AND month = 1 AND day = 31) OR (year = 2027 AND month = 2 AND day = 1)" in load
    assert shown("raw_add_partitions.sql", *hours).count("PARTITION (") == 4
    copy = shown("redshift/load_from_manifest", *hours, "--role", "arn:aws:iam::123456789012:role/reader")
    assert "'s3://our-curated/fact_clicks/redshift/2027-01-31T22_2027-02-01T02.manifest'" in copy
    assert copy.count("IAM_ROLE 'arn:aws:iam::123456789012:role/reader'") == 2
    then = shown("facts_as_of", "--as-of", "2027-01-31T22:00:00+01:00")
    assert "our_tables.fact_clicks FOR TIMESTAMP AS OF TIMESTAMP '2027-01-31 21:00:00 UTC'" in then


def test_a_named_query_is_printed_as_it_is() -> None:
    assert shown("top_pages") == (SQL / QUERIES / "top_pages.sql").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("nothing",), "there is no SQL 'nothing'"),
        (("load_hours", "--from", "2027-01-31T22"), "--from and --to go together"),
        (("load_hours", "--from", "2027-01-31T22", "--to", "2027-01-31T22"), "--to is not after --from"),
        (("load_hours", "--from", "noon", "--to", "2027-01-31T22"), "--from 'noon' is not an hour"),
        (("facts_as_of", "--as-of", "now"), "--as-of 'now' is not an instant"),
        (
            ("roles", "--from", "2027-01-31T22", "--to", "2027-01-31T23"),
            "roles.sql has nothing that --from, --to would",
        ),
        (("raw_table", "--role", "x"), "raw_table.sql has nothing that --role would change"),
        (("top_pages", "--role", "x"), "top_pages has nothing that --role would change"),
    ],
)
def test_what_cannot_be_shown_is_told(arguments: tuple[str, ...], fault: str) -> None:
    result = run("sql", "show", *arguments)
    assert result.exception is not None
    assert fault in str(result.exception)


def test_the_list_needs_no_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in SETTINGS.as_environment():
        monkeypatch.delenv(variable)
    assert json.loads(run("sql", "list", "--json").stdout)
