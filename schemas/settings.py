"""The settings that name the deployment: which stream, buckets, topic, queue and databases.

Read once, by the entry point: `CLICKSTREAM_*` variables over `clickstream.toml`. Endpoints and
credentials are not here: boto3 reads them from the standard `AWS_*` variables, so no code knows whether it is local.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from schemas.errors import ConfigError, MissingSettingsError
from schemas.instants import DAY_US, HOUR_US

ENVIRONMENT_PREFIX = "CLICKSTREAM_"
CONFIG_FILE = "clickstream.toml"
STATE_DIR_VARIABLE = "CLICKSTREAM_STATE_DIR"
# With the value `json`, a command tells what it does as lines of JSON, for a log; else for a person at a terminal.
LOG_VARIABLE = "CLICKSTREAM_LOG"
TOPIC_ARN = re.compile(r"arn:[^:]+:sns:[^:]+:\d{12}:[A-Za-z0-9_.-]+")
# Its groups are the number and the unit.
AGE = re.compile(r"off|(\d{1,6})([mhd])")
_AGE_UNITS_US = {"m": HOUR_US // 60, "h": HOUR_US, "d": DAY_US}
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
RULES: Mapping[str, tuple[re.Pattern[str], str]] = {
    "stream": (re.compile(r"[a-zA-Z0-9_.-]{1,128}"), "a Kinesis stream name"),
    "raw_bucket": (_BUCKET, "an S3 bucket name"),
    "curated_bucket": (_BUCKET, "an S3 bucket name"),
    "alerts_topic_arn": (TOPIC_ARN, "an SNS topic ARN"),
    "dead_letter_queue_url": (re.compile(r"https?://\S+"), "an SQS queue URL"),
    "database": (re.compile(r"[a-z0-9_]{1,255}"), "a Glue database name"),
    "raw_database": (re.compile(r"[a-z0-9_]{1,255}"), "a Glue database name"),
    "alert_types": (re.compile(r"[^\n;]*"), "a list of event types with commas between them"),
    "alert_rules": (re.compile(r"[\s\S]*"), "a list of alert rules, one a line"),
    "max_alert_age": (AGE, "`off` or a number with its unit, such as 30m, 24h, 7d"),
    "dropped_files_table": (re.compile(r"[a-zA-Z0-9_.-]{3,255}"), "a DynamoDB table name"),
    "raw_objects_queue_url": (re.compile(r"(?:https?://\S+)?"), "an SQS queue URL"),
}

# Tables of the file that one package reads, by `read_table`.
PACKAGE_TABLES = ("quality",)

# What a user decides, wherever the deployment lives. All other settings name a resource of it.
ALERTING = ("alert_types", "alert_rules", "max_alert_age")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where this deployment lives, and what it alerts.

    Attributes:
        alert_types: event types that are alerted to the main topic.
        alert_rules: further rules, each to its own topic, see `docs/alerts.md`.
        max_alert_age: an event that happened longer than this before it arrived is not alerted.
        dropped_files_table: where it is kept which events of dropped files are done.
        raw_objects_queue_url: the queue of what S3 says about the raw bucket, for the compaction alone; empty where
            there is none.
    """

    stream: str
    raw_bucket: str
    curated_bucket: str
    alerts_topic_arn: str
    dead_letter_queue_url: str
    database: str = "clickstream"
    raw_database: str = "clickstream_raw"
    alert_types: str = "purchase"
    alert_rules: str = ""
    max_alert_age: str = "24h"
    dropped_files_table: str = "clickstream-dropped-files"
    raw_objects_queue_url: str = ""

    def as_environment(self) -> dict[str, str]:
        """Return the variables that give these settings to another process."""
        return {variable_of(field.name): getattr(self, field.name) for field in fields(self)}

    def resources_as_environment(self) -> dict[str, str]:
        """Return the variables that send another process to this deployment, and leave to it what is alerted."""
        alerting = set(map(variable_of, ALERTING))
        return {variable: value for variable, value in self.as_environment().items() if variable not in alerting}


def state_dir_of(environment: Mapping[str, str]) -> Path:
    """Return the folder for what the commands keep between their runs, absolute and without `..`."""
    return Path(environment.get(STATE_DIR_VARIABLE) or ".clickstream").resolve()


def variable_of(name: str) -> str:
    """Return the environment variable of a setting."""
    return ENVIRONMENT_PREFIX + name.upper()


def max_age_us_of(text: str) -> int | None:
    """Return the `max_alert_age` of the settings in microseconds, or None where it is off.

    Raises:
        ConfigError: neither `off` nor a number with its unit.
    """
    pattern, meaning = RULES["max_alert_age"]
    found = pattern.fullmatch(text)
    if found is None:
        raise ConfigError(f"max_alert_age is {text!r}, which is not {meaning}")
    return int(found[1]) * _AGE_UNITS_US[found[2]] if found[1] else None


def load_settings(environment: Mapping[str, str], folder: Path) -> Settings:
    """Return the settings in force.

    Args:
        environment: the process environment.
        folder: where a `clickstream.toml` may lie; its keys are the settings' names.

    Raises:
        MissingSettingsError: with every missing, malformed and unknown setting.
        ConfigError: the same, where none is missing.
    """
    values, faults, missing = _find([field.name for field in fields(Settings)], environment, folder)
    if missing:
        is_bare = len(faults) == len(missing) == sum(field.default is MISSING for field in fields(Settings))
        raise MissingSettingsError(faults, missing if is_bare else ())
    if faults:
        raise ConfigError(faults)
    return Settings(**values)


def load_alerting(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the settings in force of what is alerted, by name, where the resources are not known yet.

    Raises:
        ConfigError: with every malformed one, and every fault of the file.
    """
    values, faults, _ = _find(ALERTING, environment, folder)
    if faults:
        raise ConfigError(faults)
    return values


def read_table(name: str, folder: Path) -> dict[str, Any]:
    """Return one of `PACKAGE_TABLES` as the configuration file has it; empty where it has none.

    Raises:
        ConfigError: the file is not TOML, or the name is not that of a table there.
    """
    whole, faults = _parse(folder / CONFIG_FILE)
    table: dict[str, Any] = whole.get(name, {})
    if not isinstance(table, dict):
        faults.append(f"{CONFIG_FILE}: {name} is not a table")
    if faults:
        raise ConfigError(faults)
    return table


def _find(
    names: Collection[str], environment: Mapping[str, str], folder: Path
) -> tuple[dict[str, str], list[str], list[str]]:
    """Return values, faults, and the variables of what is missing."""
    from_file, faults = _read_file(folder / CONFIG_FILE)
    values: dict[str, str] = {}
    missing: list[str] = []
    for field in fields(Settings):
        name, variable = field.name, variable_of(field.name)
        if name not in names:
            continue
        value = environment.get(variable) or from_file.get(name) or field.default
        if not isinstance(value, str):
            faults.append(f"{name} is not set: give {variable} or {name} in {CONFIG_FILE}")
            missing.append(variable)
            continue
        pattern, meaning = RULES[name]
        if pattern.fullmatch(value) is None:
            faults.append(f"{name} is {value!r}, which is not {meaning}")
        values[name] = value
    return values, faults, missing


def _read_file(path: Path) -> tuple[dict[str, str], list[str]]:
    table, faults = _parse(path)
    known = {field.name for field in fields(Settings)}
    faults += [f"{path.name}: unknown setting {name!r}" for name in table if name not in known.union(PACKAGE_TABLES)]
    faults += [f"{path.name}: {name} is not a text" for name in known & table.keys() if type(table[name]) is not str]
    return {name: value for name, value in table.items() if name in known and type(value) is str}, faults


def _parse(path: Path) -> tuple[dict[str, Any], list[str]]:
    if not path.is_file():
        return {}, []
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")), []
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return {}, [f"{path.name} is not TOML: {error}"]
