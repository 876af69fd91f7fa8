"""What Flink's connector is told, and where its jar is looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import ConfigError
from stream_jobs.connector import (
    MAVEN_COORDINATES,
    ConnectorConfig,
    Emulator,
    connector_jars,
    emulator_of,
    pipeline_jars,
    source_options,
)
from stream_jobs.shards import TRIM_HORIZON

ARN = "arn:aws:kinesis:eu-central-1:000000000000:stream/clickstream"
EMULATOR = Emulator("http://127.0.0.1:4568", "key", "secret")


def test_on_aws_the_connector_finds_its_credentials_itself_and_keeps_within_the_read_quota() -> None:
    assert source_options(ConnectorConfig(ARN, TRIM_HORIZON)) == {
        "aws.region": "eu-central-1",
        "source.init.position": "TRIM_HORIZON",
        "source.reader.empty-records-fetch-interval": "250 ms",
        "source.shard.discovery.interval": "10 s",
    }


def test_an_emulator_is_asked_more_often_and_with_credentials_of_its_own() -> None:
    assert source_options(ConnectorConfig(ARN, TRIM_HORIZON, EMULATOR)) == {
        "aws.region": "eu-central-1",
        "aws.endpoint": "http://127.0.0.1:4568",
        "aws.credentials.provider": "BASIC",
        "aws.credentials.provider.basic.accesskeyid": "key",
        "aws.credentials.provider.basic.secretkey": "secret",
        "source.init.position": "TRIM_HORIZON",
        "source.reader.empty-records-fetch-interval": "50 ms",
        "source.shard.discovery.interval": "5 s",
    }


def test_an_instant_is_told_to_the_millisecond_before_it() -> None:
    options = source_options(ConnectorConfig(ARN, "at:1795514400009999"))
    assert options["source.init.position"] == "AT_TIMESTAMP"
    assert options["source.init.timestamp"] == "2026-11-24T10:00:00.009Z"


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KINESIS"])
def test_an_endpoint_in_the_place_of_aws_is_taken_from_the_standard_variables(name: str) -> None:
    variables = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    assert emulator_of(variables | {name: EMULATOR.endpoint}) == EMULATOR
    assert emulator_of(variables) is None


def test_an_endpoint_without_credentials_is_told() -> None:
    with pytest.raises(ConfigError) as told:
        emulator_of({"AWS_ENDPOINT_URL": EMULATOR.endpoint})
    assert len(told.value.faults) == 2


def test_a_secret_is_not_shown() -> None:
    assert "secret'" not in repr(ConnectorConfig(ARN, TRIM_HORIZON, EMULATOR))


def test_jars_are_one_file_or_all_of_a_folder(tmp_path: Path) -> None:
    one, other, note = tmp_path / "b.jar", tmp_path / "a.jar", tmp_path / "note.txt"
    for path in (one, other, note):
        path.touch()
    assert connector_jars(one) == [one]
    assert connector_jars(tmp_path) == [other, one]
    assert pipeline_jars([other, one]) == f"file://{other};file://{one}"


@pytest.mark.parametrize("path", ["", "none.jar", "note.txt"])
def test_where_no_jar_is_its_coordinates_are_told(tmp_path: Path, path: str) -> None:
    (tmp_path / "note.txt").touch()
    with pytest.raises(ConfigError, match=MAVEN_COORDINATES):
        connector_jars(tmp_path / path)


def test_a_path_that_would_break_the_list_is_told() -> None:
    with pytest.raises(ConfigError, match="semicolon"):
        pipeline_jars([Path("/a;b.jar")])
