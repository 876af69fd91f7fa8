"""`clickstream cost`, and the figures that the document shows."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from analytics.cookbook import questions
from clickstream import app
from infra.cost_cli import ENVIRONMENTS, SIZES
from infra.cost_document import DOCUMENT, SHOWN, figures, with_figures
from schemas.errors import ConfigError
from schemas.pricing.scanned import shipped_scanned
from schemas.pricing.sizes import Assumptions

ROOT = Path(__file__).parents[3]


def cost(*options: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["cost", "--json", *options], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def refused(*options: str) -> list[str]:
    done = CliRunner().invoke(app, ["cost", *options])
    assert isinstance(done.exception, ConfigError), done.output
    return list(done.exception.faults)


def line(estimate: dict[str, Any], service: str) -> float:
    return next(float(line["usd_month"]) for line in estimate["lines"] if line["service"] == service)


def test_the_document_has_the_figures_that_the_command_gives() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert with_figures(text) == text
    for name in SHOWN:
        found = cost("--environment", name)
        assert f"**{found['usd_month']:,.2f}**" in figures()
        assert f"**{found['usd_per_million']:,.2f}**" in figures()


def test_large_figures_are_written_out() -> None:
    large = cost("-e", "prod", "--events-per-s", "50000")
    assert not [line["formula"] for line in large["lines"] if "e+" in line["formula"] or "e-0" in line["formula"]]


def test_every_environment_is_shown() -> None:
    assert {path.parent.name for path in ENVIRONMENTS.glob(f"*/{SIZES}")} == set(SHOWN)


def test_the_sizes_are_those_of_the_environment() -> None:
    for name in SHOWN:
        known = json.loads((ENVIRONMENTS / name / SIZES).read_bytes())
        found = cost("-e", name)["sizes"]
        assert {key: known[key] for key in found} == found


def test_the_table_shows_each_line_with_its_formula_and_the_total() -> None:
    done = CliRunner().invoke(app, ["cost", "-e", "prod"], env={"COLUMNS": "200"}, catch_exceptions=False)
    assert done.exit_code == 0
    found = cost("-e", "prod")
    for shown in found["lines"]:
        assert shown["service"] in done.stdout
    assert f"{found['usd_month']:,.2f}" in done.stdout
    assert "2,190 h" in done.stdout or "730 h * $0.11" in done.stdout


@pytest.mark.parametrize(
    ("options", "service", "factor"),
    [
        (("--events-per-s", "4000"), "Firehose", 2),
        (("--event-bytes", "6000"), "Firehose", 2),
        (("--queries-per-day", "200"), "Athena", 2),
        (("--query-days", "3"), "Athena", 3),
        (("--warehouse-hours", "6"), "Redshift Serverless", 3),
        (("--months", "24"), "S3, tables", 2),
        (("--table-days", "182.5"), "S3, tables", 0.5),
        (("--hot-days", "14"), "Redshift Serverless, hot tables", 2),
        (("--raw-days", "15"), "S3, raw objects", 0.5),
        (("--shards", "4"), "Kinesis, shards", 2),
        (("--retention-hours", "48"), "Kinesis, retention beyond a day", 1),
        (("--parallelism", "4"), "Managed Flink, storage", 2),
        (("--no-aggregate",), "Kinesis, PUT payload units", 25),
        (("--producers", "100"), "Kinesis, PUT payload units", 25),
    ],
)
def test_an_option_changes_its_line(options: tuple[str, ...], service: str, factor: float) -> None:
    assert line(cost("-e", "prod", *options), service) == pytest.approx(factor * line(cost("-e", "prod"), service))


def test_the_mode_of_the_stream_and_the_warehouse_can_be_asked_for() -> None:
    def is_counted(estimate: dict[str, Any], service: str) -> bool:
        return any(line["service"] == service and not line["is_alternative"] for line in estimate["lines"])

    assert is_counted(cost("-e", "prod", "--on-demand"), "Kinesis on demand, data")
    assert is_counted(cost("-e", "dev", "--provisioned"), "Kinesis, shards")
    assert not is_counted(cost("-e", "prod", "--warehouse-hours", "0"), "Redshift Serverless")
    assert is_counted(cost("-e", "dev", "--warehouse-hours", "1"), "Redshift Serverless")
    assert line(cost("-e", "dev", "--dropped-files", "0"), "DynamoDB") == 0


def test_a_report_of_a_load_says_how_large_records_are(tmp_path: Path) -> None:
    report = tmp_path / "load.json"
    totals = {"put": 10, "sent": 10, "records": 1, "bytes": 5300, "payload_units": 1, "on_demand_units": 6}
    totals |= {"firehose_units": 10, "firehose_record_units": 2, "purchases": 1}
    report.write_text(json.dumps({"version": "load_report.v1", "totals": totals, "cost": {}}))
    found = cost("-e", "prod", "--measured", str(report))
    assert found["sizes"]["event_bytes"] == 500
    assert found["shape"]["origin"].endswith("measured: load.json")
    assert line(found, "Kinesis, PUT payload units") == pytest.approx(5256 * 0.1 * 0.014)
    assert refused("--measured", str(report), "--event-bytes", "5") == [
        "--measured says how large events and records are: leave out what else would say it"
    ]


def test_what_a_scan_measured_says_how_large_the_lake_is_and_what_questions_read(tmp_path: Path) -> None:
    measured = shipped_scanned()
    doubled = [msgspec.structs.replace(question, bytes=2 * question.bytes) for question in measured.questions]
    kept, twice = tmp_path / "scanned.json", tmp_path / "twice.json"
    kept.write_bytes(msgspec.json.encode(measured))
    changed = msgspec.structs.replace(measured, questions=doubled, table_bytes=2 * measured.table_bytes)
    twice.write_bytes(msgspec.json.encode(changed))
    found, larger = (cost("-e", "prod", "--scanned", str(path)) for path in (kept, twice))
    assert found["assumptions"]["query_bytes_per_event"] == pytest.approx(measured.bytes_per_event)
    assert found["assumptions"]["raw_bytes_per_event_byte"] == pytest.approx(measured.raw_bytes / measured.plain_bytes)
    for service in ("Athena", "S3, tables"):
        assert line(larger, service) == pytest.approx(2 * line(found, service))
    kept.write_text("{}")
    [fault] = refused("--scanned", str(kept))
    assert fault.startswith("scanned.json is no measurement of `make bench-scan`")
    kept.write_bytes(msgspec.json.encode(msgspec.structs.replace(measured, questions=[])))
    assert refused("--scanned", str(kept)) == ["scanned.json is of a measurement that read nothing"]


def test_a_query_reads_what_was_measured_of_the_questions_of_one_day() -> None:
    measured = shipped_scanned()
    assert Assumptions().query_bytes_per_event == round(measured.bytes_per_event)
    assert {question.name for question in measured.questions} == questions().keys()
    assert measured.least_ratio >= 20


def test_prices_and_sizes_can_be_one_s_own(tmp_path: Path) -> None:
    shipped = (files("schemas") / "prices" / "us-east-1.toml").read_text()
    prices, sizes = tmp_path / "prices.toml", tmp_path / "sizes.json"
    prices.write_text(shipped.replace("gb = 0.029", "gb = 0.058").replace('"us-east-1"', '"eu-central-1"'))
    sizes.write_bytes((ENVIRONMENTS / "prod" / SIZES).read_bytes())
    found = cost("--prices", str(prices), "--sizes", str(sizes))
    assert found["region"] == "eu-central-1"
    assert line(found, "Firehose") == pytest.approx(2 * line(cost("-e", "prod"), "Firehose"))


def test_what_cannot_be_is_told_with_what_can(tmp_path: Path) -> None:
    assert refused("-e", "test") == ["--environment 'test' is none of dev, prod, staging"]
    assert refused("--events-per-s", "0", "--months", "0") == [
        "the options: expected_events_per_s is 0, which is not above 0",
        "the options: months is 0, which is not above 0",
    ]
    for option in ("--prices", "--sizes", "--measured"):
        [fault] = refused(option, str(tmp_path / "none"))
        assert fault.startswith(f"{option} cannot be read: ")
