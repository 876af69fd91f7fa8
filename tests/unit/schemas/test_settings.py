from pathlib import Path

import pytest

from schemas.errors import ConfigError
from schemas.settings import Settings, load_alerting, load_settings, state_dir_of

ENVIRONMENT = {
    "CLICKSTREAM_STREAM": "clickstream",
    "CLICKSTREAM_RAW_BUCKET": "raw-bucket",
    "CLICKSTREAM_CURATED_BUCKET": "curated-bucket",
    "CLICKSTREAM_ALERTS_TOPIC_ARN": "arn:aws:sns:eu-west-1:123456789012:PurchaseAlerts",
    "CLICKSTREAM_DEAD_LETTER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/dead",
}


def test_the_environment_wins_over_the_file_and_that_over_the_default(tmp_path: Path) -> None:
    (tmp_path / "clickstream.toml").write_text(
        'stream = "from-file"\ndatabase = "from_file"\nraw_bucket = "file-bucket"\n'
    )
    settings = load_settings(ENVIRONMENT, tmp_path)
    assert (settings.stream, settings.database, settings.raw_bucket) == ("clickstream", "from_file", "raw-bucket")


def test_settings_travel_to_another_process_as_variables(tmp_path: Path) -> None:
    settings = load_settings(ENVIRONMENT, tmp_path)
    assert load_settings(settings.as_environment(), tmp_path) == settings
    assert isinstance(settings, Settings)


def test_what_is_alerted_can_be_left_to_the_other_process(tmp_path: Path) -> None:
    (tmp_path / "clickstream.toml").write_text('alert_types = "signup"\n')
    variables = load_settings(ENVIRONMENT, Path("nowhere")).resources_as_environment()
    assert load_settings(variables, tmp_path).alert_types == "signup"
    assert load_settings(variables, Path("nowhere")) == load_settings(ENVIRONMENT, Path("nowhere"))


def test_what_is_alerted_is_known_before_the_resources_are(tmp_path: Path) -> None:
    (tmp_path / "clickstream.toml").write_text('alert_types = "signup"\nmax_alert_age = "1h"\n')
    found = load_alerting({"CLICKSTREAM_MAX_ALERT_AGE": "off"}, tmp_path)
    assert found == {"alert_types": "signup", "alert_rules": "", "max_alert_age": "off"}
    with pytest.raises(ConfigError, match="max_alert_age"):
        load_alerting({"CLICKSTREAM_MAX_ALERT_AGE": "a while"}, tmp_path)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "clickstream.toml").write_text('strem = "typo"\ndatabase = 3\n')
    with pytest.raises(ConfigError) as caught:
        load_settings(ENVIRONMENT | {"CLICKSTREAM_RAW_BUCKET": "No_Bucket", "CLICKSTREAM_STREAM": ""}, tmp_path)
    faults = "\n".join(caught.value.faults)
    for expected in ("unknown setting 'strem'", "database is not a text", "'No_Bucket'", "CLICKSTREAM_STREAM"):
        assert expected in faults


def test_a_file_that_is_no_toml_is_told(tmp_path: Path) -> None:
    (tmp_path / "clickstream.toml").write_text("stream = ")
    with pytest.raises(ConfigError, match="is not TOML"):
        load_settings(ENVIRONMENT, tmp_path)


def test_the_state_folder_is_here_unless_a_variable_says_otherwise(tmp_path: Path) -> None:
    assert state_dir_of({}) == Path.cwd() / ".clickstream"
    assert state_dir_of({"CLICKSTREAM_STATE_DIR": str(tmp_path)}) == tmp_path
