"""What the job is told on Managed Service for Apache Flink: every property, its default and what it means.

The service hands an application groups of texts and checks none of them. Everything wrong with them is told at once,
before the job begins; a name that nobody knows is wrong too, for it is mostly one that was mistyped. Reads no file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

import msgspec

from schemas.errors import ConfigError
from schemas.settings import Settings, max_age_us_of
from stream_jobs.arns import place_of
from stream_jobs.defaults import DEDUPE_HOURS, LONGEST_RECEIPTS_LINGER_S, PUBLISH_DEADLINE_S
from stream_jobs.property_values import STREAM_ARN, flag, number, one_of, setting, start, stream_arn
from stream_jobs.rules import FORM, Rules, rule_texts, rules_of
from stream_jobs.shards import TRIM_HORIZON

# The service's own group: what to start, and with which files.
RUN_OPTIONS_GROUP = "kinesis.analytics.flink.run.options"
# The one group whose keys are names that the deployment chooses.
RULES_GROUP = "alert_rules"
_DEFAULTS: Mapping[str, str] = {field.name: field.default for field in fields(Settings) if type(field.default) is str}


class SourceKind(StrEnum):
    """What reads the stream."""

    CONNECTOR = "connector"
    POLLER = "poller"


@dataclass(frozen=True, slots=True)
class Property:
    """One property.

    Attributes:
        default: None where it has to be given.
        meaning: what it decides, for a person.
        parse: makes the value; raises ValueError that says what the text is not.
    """

    group: str
    key: str
    default: str | None
    meaning: str
    parse: Callable[[str], Any]


PROPERTIES = (
    Property("source", "stream_arn", None, "The Kinesis stream to read.", stream_arn),
    Property(
        "source",
        "start",
        TRIM_HORIZON,
        "Where to begin without a snapshot: `trim-horizon`, `latest`, or an instant such as `2026-11-24T10:00:00Z`.",
        start,
    ),
    Property(
        "source",
        "kind",
        SourceKind.CONNECTOR,
        "What reads the stream: Flink's `connector`, or the `poller`, which needs no jar; the service gets no poller.",
        one_of(SourceKind),
    ),
    Property(
        "alerts",
        "topic_arn",
        None,
        "The SNS topic of the alerted types, in the stream's region.",
        setting("alerts_topic_arn"),
    ),
    Property(
        "alerts",
        "types",
        _DEFAULTS["alert_types"],
        "Event types that are alerted to this topic, with commas between them; a lone comma for none.",
        setting("alert_types"),
    ),
    Property(
        "alerts",
        "max_age",
        _DEFAULTS["max_alert_age"],
        "What happened longer than this before it arrived is not alerted: `30m`, `24h`, `7d`, or `off`.",
        setting("max_alert_age"),
    ),
    Property(
        "alerts",
        "dedupe_hours",
        str(DEDUPE_HOURS),
        "How long an event id is remembered; a repeat of the producer's beyond it is a new alert.",
        number(1, 24 * 30),
    ),
    Property(
        "alerts",
        "flag_backlog",
        "true",
        "Alerts of what arrived before a start carry `maybe_repeat`, for an earlier run may have sent them. Leave it "
        "`true`: `false` stays in force when the service itself starts the job anew after a failure, and the repeats "
        "that this brings come unflagged.",
        flag,
    ),
    Property(
        "delivery",
        "dead_letter_queue_url",
        None,
        "The SQS queue for what cannot become an alert.",
        setting("dead_letter_queue_url"),
    ),
    Property(
        "delivery",
        "curated_bucket",
        None,
        "The S3 bucket for receipts, below `purchases/`, and large dead letters, below `dead-letters/`.",
        setting("curated_bucket"),
    ),
    Property(
        "delivery",
        "deadline_s",
        str(PUBLISH_DEADLINE_S),
        "Seconds that a topic, the queue or the bucket may refuse everything before the job fails.",
        number(1, 24 * 3600),
    ),
    Property(
        "delivery",
        "receipts_linger_ms",
        str(LONGEST_RECEIPTS_LINGER_S * 1000),
        "Milliseconds for which receipts are collected for one object.",
        number(1, 60_000),
    ),
)
RULE_MEANING = (
    f"A further rule by the name of the key; the value is what follows the name in `{FORM}`. As many keys as there are "
    "rules; the group may be absent."
)


@dataclass(frozen=True, slots=True)
class JobProperties:
    """What the properties say.

    Attributes:
        settings: where to read and write, and what is alerted.
        rules: what the settings alert.
        kind: what reads the stream.
        stream_arn: the stream.
        start: where to begin without a snapshot, see `shards.start_of`.
        max_age_us: how long before its arrival an alerted event may have happened; None for no limit.
        dedupe_hours: how long an event id is remembered.
        flag_backlog: what arrived before the start may have been published by an earlier run.
        deadline_s: how long a far side may refuse everything before the job fails.
        receipts_linger_ms: how long receipts are collected for one object.
    """

    settings: Settings
    rules: Rules
    kind: SourceKind
    stream_arn: str
    start: str
    max_age_us: int | None
    dedupe_hours: int
    flag_backlog: bool
    deadline_s: int
    receipts_linger_ms: int


class _Group(msgspec.Struct, rename="pascal"):
    property_group_id: str
    property_map: dict[str, str]


def parse(data: bytes) -> JobProperties:
    """Return what the properties say.

    Args:
        data: JSON as the service writes it: a list of `PropertyGroupId` and `PropertyMap`.

    Raises:
        ConfigError: with everything that is wrong.
    """
    try:
        listed = msgspec.json.decode(data, type=list[_Group])
    except msgspec.DecodeError as error:
        raise ConfigError(f"the application properties are not of the service's form: {error}") from error
    faults: list[str] = []
    groups: dict[str, dict[str, str]] = {}
    for group in listed:
        if group.property_group_id in groups:
            faults.append(f"group {group.property_group_id!r} is given twice")
        groups[group.property_group_id] = group.property_map
    values = {(spec.group, spec.key): _value(spec, groups.get(spec.group, {}), faults) for spec in PROPERTIES}
    faults += _strangers(groups)
    settings = _settings(values, _rule_lines(groups.get(RULES_GROUP, {}), faults))
    try:
        rules = rules_of(settings)
    except ConfigError as error:
        faults += error.faults
    else:
        faults += _elsewhere(values["source", "stream_arn"], rules)
    if faults:
        raise ConfigError(faults)
    return JobProperties(
        settings,
        rules,
        kind=values["source", "kind"],
        stream_arn=values["source", "stream_arn"],
        start=values["source", "start"],
        max_age_us=max_age_us_of(settings.max_alert_age),
        dedupe_hours=values["alerts", "dedupe_hours"],
        flag_backlog=values["alerts", "flag_backlog"],
        deadline_s=values["delivery", "deadline_s"],
        receipts_linger_ms=values["delivery", "receipts_linger_ms"],
    )


def _value(spec: Property, given: Mapping[str, str], faults: list[str]) -> Any:
    """Return a property's value; where it has none that can be used, the fault is added and its default stands in."""
    text = given.get(spec.key, spec.default)
    if text is None:
        faults.append(f"{spec.group}/{spec.key} is not given: {spec.meaning}")
        return ""
    try:
        return spec.parse(text)
    except ValueError as error:
        faults.append(f"{spec.group}/{spec.key} is {text!r}, which is not {error}")
        return spec.default or ""


def _strangers(groups: Mapping[str, Mapping[str, str]]) -> list[str]:
    known: dict[str, set[str]] = {}
    for spec in PROPERTIES:
        known.setdefault(spec.group, set()).add(spec.key)
    unknown = [f"unknown group {name!r}" for name in groups if name not in {*known, RULES_GROUP, RUN_OPTIONS_GROUP}]
    return unknown + [
        f"unknown property {group}/{key}"
        for group, keys in known.items()
        for key in groups.get(group, {})
        if key not in keys
    ]


def _rule_lines(rules: Mapping[str, str], faults: list[str]) -> Sequence[str]:
    """Return each rule as a line of the setting `alert_rules`."""
    lines = []
    for name, rest in sorted(rules.items()):
        if re.search(r"[;:\n]", name) or len(rule_texts(rest)) > 1:
            faults.append(f"{RULES_GROUP}/{name} is more than one rule: give each its own key")
        else:
            lines.append(f"{name}: {rest}")
    return lines


def _elsewhere(stream_arn: str, rules: Rules) -> list[str]:
    """Return the topics away from the stream: the job makes all its calls where that is. What is empty was told of."""
    topic_arns = filter(None, dict.fromkeys(rules.topic_arns().values()))
    return [
        f"topic {topic_arn} is not where the stream is: a job publishes to topics of its stream's region alone"
        for topic_arn in topic_arns
        if stream_arn and place_of(topic_arn) != place_of(stream_arn)
    ]


def _settings(values: Mapping[tuple[str, str], Any], rules: Sequence[str]) -> Settings:
    arn = STREAM_ARN.fullmatch(values["source", "stream_arn"])
    return Settings(
        stream=arn[1] if arn else "",
        raw_bucket="",  # the job reads the stream alone
        curated_bucket=values["delivery", "curated_bucket"],
        alerts_topic_arn=values["alerts", "topic_arn"],
        dead_letter_queue_url=values["delivery", "dead_letter_queue_url"],
        alert_types=values["alerts", "types"],
        alert_rules="\n".join(rules),
        max_alert_age=values["alerts", "max_age"],
    )
