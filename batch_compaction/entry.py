"""The entry point of the container image: the batch side's commands, as a program and as a Lambda function.

They are those of this package, and `enrich` of the analytics, which is scheduled after the compaction.

As a program, `python -m batch_compaction.entry compact`, it is what Fargate, Batch or any other scheduler of containers
starts; its exit code is that of the command: 0 done, 1 the work failed, 2 usage or configuration is wrong and nothing
was done. As a function, `batch_compaction.entry.handler` runs the same commands. Everything but reports is told as
lines of JSON on stderr.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, Sequence

import typer

from analytics import enrich_cli
from batch_compaction import cli, compile_cache, hours_cli, maintain_cli, quarantine_cli, rollback_cli, validate_cli
from batch_compaction.telling import log_line
from schemas.errors import BadRecordError, ClickstreamError, ConfigError, WorkFailedError
from schemas.settings import LOG_VARIABLE

# What a schedule that names no command wants.
DEFAULT_COMMAND = ("compact", "--json", "--metrics")

app = typer.Typer(
    name="clickstream",
    help="The batch side of the clickstream pipeline: raw objects to tables.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for _commands in (cli, enrich_cli, hours_cli, rollback_cli, maintain_cli, quarantine_cli, validate_cli):
    _commands.register(app)


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    os.environ.setdefault(LOG_VARIABLE, "json")
    compile_cache.use_writable_folder(os.environ)
    try:
        app(list(arguments))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except Exception as error:
        return _tell(error)
    return 0


def handler(event: Mapping[str, object], context: object) -> dict[str, object]:
    """Run the command of an event: `{"command": ["compact", "--reconcile"]}`; without one, compact.

    Raises:
        BadRecordError: the event's command is no list of texts.
        WorkFailedError: the command's exit code is not 0; the log says why.
    """
    command = event.get("command", list(DEFAULT_COMMAND))
    if not isinstance(command, list) or not all(isinstance(word, str) for word in command):
        raise BadRecordError('the event is not like {"command": ["compact", "--reconcile"]}')
    exit_code = main(command)
    if exit_code:
        raise WorkFailedError(f"`{' '.join(command)}` ended with exit code {exit_code}; the log says why")
    return {"command": command, "exit_code": exit_code}


def _tell(error: Exception) -> int:
    """Log an error and return the exit code that it means; of one that nobody expected, only its kind and place."""
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ConfigError):
        log_line(sys.stderr, "not started", "ERROR", faults=error.faults)
        return 2
    if isinstance(error, ClickstreamError | BotoCoreError | ClientError | OSError):
        log_line(sys.stderr, "failed", "ERROR", error=str(error))
        return 1
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    log_line(sys.stderr, "failed", "ERROR", error_type=type(error).__name__, error_at=places)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
