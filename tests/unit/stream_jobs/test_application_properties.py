import json

import pytest

from schemas.errors import ConfigError
from stream_jobs.application_properties import JobProperties, SourceKind, parse

STREAM_ARN = "arn:aws:kinesis:eu-central-1:123456789012:stream/shop-clicks"
TOPIC_ARN = "arn:aws:sns:eu-central-1:123456789012:PurchaseAlerts"
LARGE_ARN = "arn:aws:sns:eu-central-1:123456789012:LargeOrders"
REQUIRED = {
    "source": {"stream_arn": STREAM_ARN},
    "alerts": {"topic_arn": TOPIC_ARN},
    "delivery": {"dead_letter_queue_url": "https://sqs.example/123456789012/dead", "curated_bucket": "shop-curated"},
}


def encoded(groups: dict[str, dict[str, str]]) -> bytes:
    return json.dumps([{"PropertyGroupId": name, "PropertyMap": keys} for name, keys in groups.items()]).encode()


def parsed(**changes: dict[str, str]) -> JobProperties:
    """The required properties with changes to some groups."""
    return parse(encoded({name: REQUIRED.get(name, {}) | changes.get(name, {}) for name in {**REQUIRED, **changes}}))


def faults(**changes: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parsed(**changes)
    return list(caught.value.faults)


def test_what_is_not_given_has_its_default() -> None:
    properties = parsed()
    assert properties.kind is SourceKind.CONNECTOR
    assert properties.start == "trim-horizon"
    assert properties.flag_backlog
    assert (properties.dedupe_hours, properties.deadline_s, properties.receipts_linger_ms) == (24, 1800, 5000)
    assert properties.max_age_us == 24 * 3_600_000_000
    assert [rule.name for rule in properties.rules.all] == ["purchase"]


def test_every_property_given_is_taken() -> None:
    properties = parsed(
        source={"kind": "poller", "start": "2026-11-24T10:00:00Z"},
        alerts={"types": "purchase,signup", "max_age": "off", "dedupe_hours": "48", "flag_backlog": "false"},
        delivery={"deadline_s": "60", "receipts_linger_ms": "250"},
    )
    assert properties.kind is SourceKind.POLLER
    assert properties.start == "2026-11-24T10:00:00Z"
    assert properties.max_age_us is None
    assert not properties.flag_backlog
    assert (properties.dedupe_hours, properties.deadline_s, properties.receipts_linger_ms) == (48, 60, 250)
    assert [rule.name for rule in properties.rules.all] == ["purchase", "signup"]
    assert properties.settings.dead_letter_queue_url == "https://sqs.example/123456789012/dead"
    assert properties.settings.curated_bucket == "shop-curated"


def test_the_streams_name_is_that_of_its_arn() -> None:
    assert parsed().settings.stream == "shop-clicks"
    assert parsed().stream_arn == STREAM_ARN


def test_each_key_of_the_rules_group_is_a_rule_of_that_name() -> None:
    rules = parsed(
        alert_rules={
            "large": f"purchase where amount_minor >= 100000 to {LARGE_ARN}",
            "cart": f"add_to_cart to {LARGE_ARN}",
        }
    ).rules
    assert {rule.name: (rule.event_type, rule.topic_arn) for rule in rules.all} == {
        "purchase": ("purchase", TOPIC_ARN),
        "large": ("purchase", LARGE_ARN),
        "cart": ("add_to_cart", LARGE_ARN),
    }


def test_a_lone_comma_leaves_the_rules_alone() -> None:
    rules = parsed(alerts={"types": ","}, alert_rules={"cart": f"add_to_cart to {LARGE_ARN}"}).rules
    assert [rule.name for rule in rules.all] == ["cart"]


def test_the_services_own_group_is_left_to_it() -> None:
    parsed(**{"kinesis.analytics.flink.run.options": {"python": "main.py"}})


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(
            encoded(
                {
                    "source": {"stream_arn": "clickstream", "kindd": "poller"},
                    "alert": {"types": "purchase"},
                    "alerts": {"dedupe_hours": "0", "max_age": "a day"},
                    "alert_rules": {"large": "purchase"},
                }
            )
        )
    told = "\n".join(caught.value.faults)
    for part in (
        "source/stream_arn is 'clickstream', which is not a Kinesis stream ARN",
        "unknown property source/kindd",
        "unknown group 'alert'",
        "alerts/topic_arn is not given",
        "alerts/dedupe_hours is '0', which is not a whole number from 1 to 720",
        "alerts/max_age is 'a day', which is not `off` or a number",
        "delivery/dead_letter_queue_url is not given",
        "delivery/curated_bucket is not given",
        "alert rule 'large: purchase' is not of the form",
    ):
        assert part in told


@pytest.mark.parametrize(
    ("group", "key", "value", "what"),
    [
        ("source", "kind", "firehose", "one of connector, poller"),
        ("source", "start", "yesterday", "trim-horizon, latest or an instant with its zone"),
        ("source", "start", "2026-11-24T10:00:00", "trim-horizon, latest or an instant with its zone"),
        ("source", "stream_arn", "arn:aws:kinesis:eu-central-1:123456789012:stream/", "a Kinesis stream ARN"),
        ("alerts", "topic_arn", "PurchaseAlerts", "an SNS topic ARN"),
        ("alerts", "types", "", ""),
        ("alerts", "flag_backlog", "True", "true or false"),
        ("delivery", "curated_bucket", "s3://shop", "an S3 bucket name"),
        ("delivery", "dead_letter_queue_url", "dead", "an SQS queue URL"),
        ("delivery", "deadline_s", "1.5", "a whole number from 1 to 86400"),
        ("delivery", "deadline_s", "²", "a whole number from 1 to 86400"),
        ("delivery", "receipts_linger_ms", "60001", "a whole number from 1 to 60000"),
    ],
)
def test_a_value_that_is_none_is_told_with_what_it_should_be(group: str, key: str, value: str, what: str) -> None:
    (fault,) = faults(**{group: {key: value}})
    expected = f"{group}/{key} is {value!r}, which is not {what}" if what else "neither alert_types nor alert_rules"
    assert fault.startswith(expected)


@pytest.mark.parametrize(
    "rule",
    [{"a": f"purchase to {LARGE_ARN}; b: purchase to {LARGE_ARN}"}, {"a: signup to x\nb": f"purchase to {LARGE_ARN}"}],
)
def test_one_key_cannot_bring_a_second_rule(rule: dict[str, str]) -> None:
    (fault,) = faults(alert_rules=rule)
    assert "is more than one rule" in fault


def test_a_semicolon_in_quotes_is_no_second_rule() -> None:
    rules = parsed(alert_rules={"sale": f"purchase where campaign = 'a;b' to {LARGE_ARN}"}).rules
    assert rules.all[1].conditions[0].values == ("a;b",)


@pytest.mark.parametrize(
    "elsewhere", [TOPIC_ARN.replace("eu-central-1", "us-east-1"), TOPIC_ARN.replace("arn:aws:", "arn:aws-cn:")]
)
def test_a_topic_away_from_the_stream_is_a_fault(elsewhere: str) -> None:
    expected = f"topic {elsewhere} is not where the stream is"
    (main,) = faults(alerts={"topic_arn": elsewhere})
    (other,) = faults(alert_rules={"large": f"purchase to {elsewhere}"})
    assert main.startswith(expected)
    assert other.startswith(expected)


def test_a_group_given_twice_is_a_fault() -> None:
    twice = [*json.loads(encoded(REQUIRED)), {"PropertyGroupId": "source", "PropertyMap": {"stream_arn": STREAM_ARN}}]
    with pytest.raises(ConfigError, match="group 'source' is given twice"):
        parse(json.dumps(twice).encode())


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"\xff", b'[{"PropertyGroupId": "source"}]', b'[{"PropertyGroupId": "a", "PropertyMap": {"b": 1}}]'],
)
def test_what_is_not_of_the_services_form_is_a_fault(data: bytes) -> None:
    with pytest.raises(ConfigError, match="not of the service's form"):
        parse(data)
