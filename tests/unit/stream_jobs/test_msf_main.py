import json
from pathlib import Path

import pytest

from schemas.errors import ConfigError
from stream_jobs.application_properties import JobProperties, parse
from stream_jobs.connector import ConnectorConfig
from stream_jobs.msf.main import plan_of, read_properties, source_of

REFERENCE = Path(__file__).parents[3] / "stream_jobs" / "msf" / "application_properties.json"
STREAM_ARN = "arn:aws:kinesis:eu-central-1:123456789012:stream/clickstream"


def properties(group: str = "source", **changes: str) -> JobProperties:
    """The reference with changes to one group."""
    groups = json.loads(REFERENCE.read_bytes())
    next(found for found in groups if found["PropertyGroupId"] == group)["PropertyMap"].update(changes)
    return parse(json.dumps(groups).encode())


@pytest.fixture(autouse=True)
def on_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KINESIS"):
        monkeypatch.delenv(name, raising=False)


def test_the_connector_reads_the_stream_of_the_properties() -> None:
    assert source_of(properties(), is_local=False) == ConnectorConfig(STREAM_ARN, "trim-horizon", None)


def test_the_poller_is_refused_on_the_service() -> None:
    with pytest.raises(ConfigError, match="source/kind is poller, which is for a try-out"):
        source_of(properties(kind="poller"), is_local=False)


def test_a_start_that_is_yet_to_come_is_refused() -> None:
    with pytest.raises(ConfigError, match="yet to come"):
        source_of(properties(start="2999-01-01T00:00:00Z"), is_local=False)


def test_what_arrived_before_the_start_is_flagged_unless_told_otherwise() -> None:
    source = source_of(properties(), is_local=False)
    assert plan_of(properties(), source).follows_unclean
    assert not plan_of(properties("alerts", flag_backlog="false"), source).follows_unclean


def test_the_plan_is_what_the_properties_say() -> None:
    given = properties("delivery", deadline_s="60", receipts_linger_ms="250")
    plan = plan_of(given, source_of(given, is_local=False))
    assert plan.publish_deadline_s == 60
    assert plan.receipts_linger_ms == 250
    assert plan.dedupe_hours == 24
    assert plan.settings is given.settings
    assert plan.rules is given.rules


def test_missing_properties_are_told_with_their_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no application properties at .*application_properties\.json"):
        read_properties(tmp_path / "application_properties.json")
