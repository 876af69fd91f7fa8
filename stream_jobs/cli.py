"""The commands `alerts` and `watch`."""

from __future__ import annotations

import json
import os
import signal
import threading
from contextlib import suppress
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from schemas.errors import ConfigError
from schemas.settings import TOPIC_ARN, load_settings, state_dir_of
from stream_jobs.defaults import DEDUPE_HOURS, PUBLISH_DEADLINE_S
from stream_jobs.shards import TRIM_HORIZON

_PANEL = "Alerts"
_errors = Console(stderr=True, highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the commands to the front door."""
    app.command("alerts", rich_help_panel=_PANEL)(alerts)
    app.command("watch", rich_help_panel=_PANEL)(watch)


class Source(StrEnum):
    """What reads the stream."""

    POLLER = "poller"
    CONNECTOR = "connector"


def alerts(
    start: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="WHERE",
            help="Where to begin when there is no saved state: trim-horizon, latest, or an instant such as "
            "2026-11-24T10:00:00Z.",
        ),
    ] = TRIM_HORIZON,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget the saved state of this stream.")] = False,
    savepoint: Annotated[
        Path | None,
        typer.Option("--savepoint", help="Begin from this savepoint instead of the newest saved state."),
    ] = None,
    fifo: Annotated[
        bool, typer.Option("--fifo", help="Publish to the main topic's FIFO twin, whose name ends in .fifo.")
    ] = False,
    max_alert_age: Annotated[
        str | None,
        typer.Option(
            "--max-alert-age",
            help="Alert nobody of what happened longer than this before it arrived: 30m, 24h, 7d, or off. Without it "
            "the setting max_alert_age counts.",
        ),
    ] = None,
    dedupe_hours: Annotated[
        int, typer.Option("--dedupe-hours", min=1, help="How long an event id is remembered.")
    ] = DEDUPE_HOURS,
    publish_deadline: Annotated[
        float,
        typer.Option(
            "--publish-deadline", min=1, help="Seconds that a topic may refuse everything before the job fails."
        ),
    ] = PUBLISH_DEADLINE_S,
    checkpoint_seconds: Annotated[
        float, typer.Option("--checkpoint-seconds", min=0.5, help="Seconds between checkpoints.")
    ] = 10.0,
    parallelism: Annotated[int, typer.Option("--parallelism", min=1, max=64, help="Subtasks of each operator.")] = 1,
    source: Annotated[Source, typer.Option("--source", help="What reads the stream.")] = Source.POLLER,
    connector_jars: Annotated[
        Path | None,
        typer.Option("--connector-jars", help="The jar of Flink's Kinesis connector, or a folder of jars."),
    ] = None,
    prometheus_port: Annotated[
        int | None,
        typer.Option(
            "--prometheus-port",
            min=1,
            max=65535,
            help="Let Prometheus read the metrics at this port, which is then open to the network.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on stdout.")] = False,
) -> None:
    """Run the purchase-alert job in the foreground, from where it last stood, until Ctrl-C or SIGTERM.

    Example: `clickstream alerts --from latest`
    """
    from stream_jobs.alerting import AlertsConfig, AlertsRun
    from stream_jobs.topic import fifo_twin

    settings = load_settings(os.environ, Path.cwd())
    if fifo:
        settings = replace(settings, alerts_topic_arn=fifo_twin(settings.alerts_topic_arn))
    if max_alert_age is not None:
        settings = replace(settings, max_alert_age=max_alert_age)
    if fresh and savepoint is not None:
        raise ConfigError("--fresh and --savepoint contradict each other")
    if (source is Source.CONNECTOR) is not (connector_jars is not None):
        raise ConfigError("--source connector and --connector-jars belong together")
    config = AlertsConfig(
        settings=settings,
        folder=state_dir_of(os.environ) / "alerts",
        start=start,
        fresh=fresh,
        checkpoint_s=checkpoint_seconds,
        savepoint=savepoint,
        parallelism=parallelism,
        connector=connector_jars,
        dedupe_hours=dedupe_hours,
        publish_deadline_s=publish_deadline,
        prometheus_port=prometheus_port,
    )
    status = AlertsRun(config, lambda text: _errors.print(text, markup=False)).run()
    counters = status.get("counters", {})
    if as_json:
        typer.echo(json.dumps(status))
    else:
        for name, count in counters.items():
            typer.echo(f"{name:<18} {json.dumps(count)}")


def watch(
    count: Annotated[int | None, typer.Option("--count", min=1, help="End after so many alerts.")] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0, help="End after so many seconds.")] = None,
    idle_seconds: Annotated[
        float | None, typer.Option("--idle-seconds", min=0, help="End after so many seconds without an alert.")
    ] = None,
    topic_arn: Annotated[
        str | None, typer.Option("--topic-arn", help="The topic of another rule, instead of the main one.")
    ] = None,
    fifo: Annotated[bool, typer.Option("--fifo", help="The topic's FIFO twin, whose name ends in .fifo.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each alert.")] = False,
) -> None:
    """Show purchase alerts as they arrive at a subscriber, through a queue of its own.

    Example: `clickstream watch --count 20`
    """
    import msgspec

    from stream_jobs import aws_calls
    from stream_jobs.figures import Figures
    from stream_jobs.patience import StoppedError
    from stream_jobs.probe import require_topics
    from stream_jobs.topic import fifo_twin
    from stream_jobs.watching import OUTAGE_DEADLINE_S, Bounds, line_of, subscribed
    from stream_jobs.watching import watch as watch_queue

    topic = topic_arn or load_settings(os.environ, Path.cwd()).alerts_topic_arn
    topic = fifo_twin(topic) if fifo else topic
    if TOPIC_ARN.fullmatch(topic) is None:
        raise ConfigError(f"{topic!r} is not the ARN of an SNS topic")
    require_topics([topic])
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    sns, sqs = aws_calls.client("sns"), aws_calls.client("sqs")
    figures = Figures()
    with subscribed(sns, sqs, topic) as queue_url:
        _errors.print(f"watching {topic}", markup=False)
        bounds = Bounds(count, seconds, idle_seconds)
        patience = aws_calls.patience(OUTAGE_DEADLINE_S, stopped.wait)
        with suppress(StoppedError):
            for alert in watch_queue(sqs, queue_url, bounds, stopped.is_set, _tell_foreign, patience):
                figures.add(alert.rule, alert.event_id, alert.latency_ms, maybe_repeat=alert.maybe_repeat)
                typer.echo(msgspec.json.encode(alert).decode() if as_json else line_of(alert))
    _errors.print(msgspec.json.encode(figures.summary()).decode(), markup=False)


def _tell_foreign(message_id: str) -> None:
    _errors.print(f"message {message_id} is no purchase alert, passed over", markup=False)
