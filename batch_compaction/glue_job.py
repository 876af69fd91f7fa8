"""The commands of this package as a job of AWS Glue, which has arguments and no environment.

The script of the job: it runs on the driver alone, with this package installed from the zip of wheels. Arguments are
`--command` with a command as JSON, such as `["compact", "--json", "--metrics"]`, each setting by its variable, such as
`--CLICKSTREAM_RAW_BUCKET`, and `--region`. What Glue itself adds is left alone.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import fields

from batch_compaction.entry import DEFAULT_COMMAND, main
from batch_compaction.telling import log_line
from schemas.errors import ConfigError
from schemas.settings import ENVIRONMENT_PREFIX, LOG_VARIABLE, STATE_DIR_VARIABLE, Settings, variable_of

_REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
_VARIABLES = (*(variable_of(field.name) for field in fields(Settings)), LOG_VARIABLE, STATE_DIR_VARIABLE)


def arguments_of(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the command, and the variables to set.

    Args:
        words: the job's arguments, each as `--NAME VALUE` or `--NAME=VALUE`.

    Raises:
        ConfigError: the command is no list of texts, or a setting is none of ours.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--command")
    parser.add_argument("--region")
    for variable in _VARIABLES:
        parser.add_argument(f"--{variable}")
    try:
        found, others = parser.parse_known_args(words)
    except argparse.ArgumentError as error:
        raise ConfigError(f"the job's arguments cannot be read: {error}") from error
    given = vars(found)
    text, region = given.pop("command"), given.pop("region")
    faults = [
        f"{word.partition('=')[0]} is no setting" for word in others if word.startswith(f"--{ENVIRONMENT_PREFIX}")
    ]
    command = list(DEFAULT_COMMAND) if text is None else _command(text)
    if command is None:
        faults.append(f'--command is {text!r}, which is not like ["compact", "--reconcile"]')
    if faults:
        raise ConfigError(faults)
    variables = {name: value for name, value in given.items() if value is not None}
    if region is not None:
        variables |= dict.fromkeys(_REGION_VARIABLES, region)
    return command or [], variables


def run(words: Sequence[str]) -> int:
    """Run the command of the job's arguments and return its exit code."""
    try:
        command, variables = arguments_of(words)
    except ConfigError as error:
        log_line(sys.stderr, "not started", "ERROR", faults=error.faults)
        return 2
    os.environ.update(variables)
    return main(command)


def _command(text: str) -> list[str] | None:
    try:
        command = json.loads(text)
    except ValueError:
        return None
    return command if isinstance(command, list) and all(isinstance(word, str) for word in command) else None


if __name__ == "__main__":
    # Glue takes whatever exit is called for a failure, so a run that went well just ends.
    if exit_code := run(sys.argv[1:]):
        sys.exit(exit_code)
