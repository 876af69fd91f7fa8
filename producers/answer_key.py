"""The answer key: what each line of a run must become, in the order in which they were made; a gzip of lines of JSON.

It begins with a `Run` and ends with a `Total`; without its end it belongs to a run that was cut short. In between each
line that was made has one entry; lines of attestation have none. Members of gzip may follow each other, so the keys of
several processes are joined by their bytes: then there are several of each, and their counts add up, since no two
processes make one id. Neither makes lines nor judges what came out.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

VERSION = "answer_key.v1"


class Run(msgspec.Struct, frozen=True, kw_only=True, tag_field="entry", tag="run"):
    """What was run.

    Attributes:
        started: when, ISO-8601, UTC.
        command: the command with its options, for a person.
        producer_id: as the events name it; None where they name none.
    """

    version: str = VERSION
    started: str
    command: str
    producer_id: str | None = None


class Accepted(msgspec.Struct, frozen=True, kw_only=True, tag_field="entry", tag="event", omit_defaults=True):
    """A line that is a valid event. Lines of one id and hour are one fact, with one of their payloads.

    Attributes:
        id: the event id that the tables must know it by.
        hour: the hour in which it happened, `2026-11-24T03`.
        type: the event type.
        payload: `schemas.codec.payload_digest` of the event.
        line: `line_digest_text` of its bytes.
        fault: which fault it carries, by the name of its table in the plan; empty for none.
        alert: its id must be alerted on the main topic, under the settings of the run.
        alert_allowed: its id may be alerted or not: how old the event is at its arrival decides, and is not known when
            the line is made. Never beside `alert`.
        alert_content: `schemas.alert.content_digest` of what its alert says; empty where it has none.
    """

    id: str
    hour: str
    type: str
    payload: str
    line: str
    fault: str = ""
    alert: bool = False
    alert_allowed: bool = False
    alert_content: str = ""


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag_field="entry", tag="refused", omit_defaults=True):
    """A line that is no event and must be quarantined with a reason."""

    reason: str
    line: str
    fault: str = ""


class Unsendable(msgspec.Struct, frozen=True, kw_only=True, tag_field="entry", tag="unsendable", omit_defaults=True):
    """A line that no stream takes, so that the producer must report and keep it."""

    line: str
    fault: str = ""


class Total(msgspec.Struct, frozen=True, kw_only=True, tag_field="entry", tag="total"):
    """The end of one process's part: its counts, so that a person can read them and a cut file is noticed.

    Attributes:
        lines: entries above.
        facts: distinct (id, hour) among the events.
        facts_by_hour: hour -> event type -> facts.
        duplicates: lines beyond the first of an id, hour and payload.
        conflicts: payloads beyond the first of an id and hour.
        refused: reason -> lines.
        unsendable: lines.
        alerts: distinct ids that must be alerted.
        alerts_allowed: distinct ids that may be alerted or not.
    """

    lines: int
    facts: int
    facts_by_hour: Mapping[str, Mapping[str, int]]
    duplicates: int
    conflicts: int
    refused: Mapping[str, int]
    unsendable: int
    alerts: int
    alerts_allowed: int = 0


Entry = Run | Accepted | Refused | Unsendable | Total
