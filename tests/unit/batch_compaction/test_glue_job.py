"""The arguments of a Glue job as a command and its settings."""

import json

import pytest

from batch_compaction.glue_job import arguments_of
from schemas.errors import ConfigError

# What Glue gives a job beside its own arguments.
BESIDE = [
    "--JOB_NAME",
    "compaction",
    "--JOB_ID",
    "j_1",
    "--enable-metrics",
    "--job-bookmark-option=job-bookmark-disable",
]


def test_command_and_settings_are_taken_and_what_glue_adds_is_left_alone() -> None:
    command = ["compact", "--reconcile", "--json"]
    words = [*BESIDE, "--command", json.dumps(command), "--CLICKSTREAM_RAW_BUCKET", "shop-raw"]
    words += ["--CLICKSTREAM_LOG=json", "--region", "eu-central-1", "--TempDir", "s3://shop-temp/"]
    assert arguments_of(words) == (
        command,
        {
            "CLICKSTREAM_RAW_BUCKET": "shop-raw",
            "CLICKSTREAM_LOG": "json",
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
        },
    )


def test_without_a_command_it_compacts() -> None:
    assert arguments_of(BESIDE) == (["compact", "--json", "--metrics"], {})


def test_a_setting_may_be_empty_and_may_have_spaces() -> None:
    _, variables = arguments_of(
        ["--CLICKSTREAM_RAW_OBJECTS_QUEUE_URL", "", "--CLICKSTREAM_ALERT_TYPES=purchase, signup"]
    )
    assert variables == {"CLICKSTREAM_RAW_OBJECTS_QUEUE_URL": "", "CLICKSTREAM_ALERT_TYPES": "purchase, signup"}


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as failed:
        arguments_of(["--command", "compact", "--CLICKSTREAM_RAW_BUKET=a", "--CLICKSTREAM_RAW", "b"])
    assert list(failed.value.faults) == [
        "--CLICKSTREAM_RAW_BUKET is no setting",
        "--CLICKSTREAM_RAW is no setting",
        '--command is \'compact\', which is not like ["compact", "--reconcile"]',
    ]
    with pytest.raises(ConfigError, match="the job's arguments cannot be read"):
        arguments_of(["--command"])
    with pytest.raises(ConfigError, match="which is not like"):
        arguments_of(["--command", '["compact", 1]'])
