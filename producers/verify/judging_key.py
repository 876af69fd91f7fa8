"""From answer keys to a verdict: which evidence each class needs, gathered once, then judged.

The steps of a verification, in order, in one function.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import boto3
import msgspec

from producers.answer_key import Run, Total
from producers.verify.alert_grades import grade_alerts, grade_receipts, prepare_alerts
from producers.verify.bucket_lines import list_in_scope
from producers.verify.evidence import Evidence
from producers.verify.gathering import Gatherer
from producers.verify.grades import Court, Grade, NotAsked
from producers.verify.hints import hints_of
from producers.verify.key_reading import read_key
from producers.verify.lake_rows import LakeReader
from producers.verify.line_grades import grade_quarantine, grade_raw, grade_unsendable, prepare_lines
from producers.verify.scopes import Scope, scope_since
from producers.verify.table_grades import grade_conflicts, grade_duplicates, grade_facts, prepare_asked, prepare_rows
from schemas.errors import ConfigError
from schemas.instants import format_instant_us, parse_instant_us
from schemas.lake import RAW_PREFIX
from schemas.settings import Settings, state_dir_of

CLASSES = ("raw", "facts", "conflicts", "duplicates", "quarantine", "receipts", "alerts", "unsendable")
"""What can be judged, in the order of the report."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be judged.

    Attributes:
        keys: answer keys; what they ask for adds up.
        only: the classes; None for all that can be judged.
        alerts: files of what a subscriber received.
        since_us: judge what arrived since this hour; None for an hour before the first run began.
        is_whole: judge everything, whenever it arrived.
        is_shared: others send here too.
        examples: how many of each difference are told.
    """

    keys: Sequence[Path]
    only: Collection[str] | None = None
    alerts: Sequence[Path] = ()
    since_us: int | None = None
    is_whole: bool = False
    is_shared: bool = False
    examples: int = 5


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        since: what arrived since then was judged; None for everything.
        percent: share of the expected things that came out right, rounded down.
        is_right: there is no difference; 100 per cent with something extra is not right.
    """

    runs: list[Run]
    since: str | None
    expected: int
    right: int
    percent: float
    is_right: bool
    classes: list[Grade | NotAsked]
    hints: list[str]


def judge(
    question: Question, settings: Settings, environment: Mapping[str, str], on_step: Callable[[str], object]
) -> Verdict:
    """Compare what the keys ask for with what lies in a deployment.

    Args:
        question: what to judge.
        settings: the deployment.
        environment: of the process, for endpoints and the folder of the spool.
        on_step: told what is being done.

    Raises:
        ConfigError: a key or a file of alerts cannot be read, or is none.
        WorkFailedError: the deployment cannot be read.
    """
    asked = _asked(question)
    with tempfile.TemporaryDirectory() as folder, closing(Evidence(Path(folder))) as evidence:
        on_step("answer key")
        court = Court(evidence, question.is_shared, question.examples)
        runs = _read_keys(question.keys, court)
        scope = _scope(question, runs)
        s3 = boto3.client("s3")
        lake = LakeReader(settings.database, environment)
        producers = {run.producer_id for run in runs if run.producer_id is not None}
        # Each type of the main topic is a rule of its own name.
        rules = {name.strip() for name in settings.alert_types.split(",")}
        gatherer = Gatherer(evidence, s3, lake, producers, rules, on_step)
        gatherer.alerts(question.alerts)
        attestations = 0
        keys, scope = list_in_scope(s3, settings.raw_bucket, RAW_PREFIX, scope)
        if asked & {"raw", "duplicates", "quarantine"}:
            attestations = gatherer.raw(settings.raw_bucket, keys)
        if asked & {"facts", "conflicts", "duplicates"}:
            gatherer.facts_and_conflicts(scope)
        if asked & {"facts", "duplicates", "quarantine"}:
            gatherer.read_objects(settings.raw_bucket, scope)
        if "quarantine" in asked:
            gatherer.quarantine(scope)
        if "receipts" in asked:
            gatherer.receipts(settings.curated_bucket, scope)
        if asked & {"raw", "unsendable"}:
            gatherer.spool(state_dir_of(environment) / "spool")
        on_step("comparing")
        return _verdict(question, court, runs, scope, attestations)


def _read_keys(paths: Sequence[Path], court: Court) -> list[Run]:
    runs: list[Run] = []
    totals: list[Total] = []
    for path in paths:
        begun, ended = read_key(path, court.evidence)
        runs += begun
        totals += ended
    counted = prepare_asked(court)
    promised = {name: sum(getattr(total, name) for total in totals) for name in counted}
    # The same events may be in the keys of several runs, but not in those of several processes of one.
    if len(paths) == 1 and counted != promised:
        raise ConfigError(f"{paths[0]} contradicts itself: its entries are {counted}, its ends count {promised}")
    return runs


def _asked(question: Question) -> set[str]:
    asked = set(CLASSES if question.only is None else question.only)
    faults = [f"there is no class {name!r}; there are {', '.join(CLASSES)}" for name in sorted(asked - {*CLASSES})]
    if question.only is not None and "alerts" in asked and not question.alerts:
        faults.append("alerts are judged by what a subscriber received: give its file with --alerts")
    if question.only is not None and "duplicates" in asked and question.is_shared:
        faults.append("duplicates are not told apart from those of others: leave out --shared")
    if len({path.resolve() for path in question.keys}) < len(question.keys):
        faults.append("a key is given twice")
    if question.is_whole and question.since_us is not None:
        faults.append("--since and --all exclude each other")
    if faults:
        raise ConfigError(faults)
    return asked


def _scope(question: Question, runs: Sequence[Run]) -> Scope:
    if question.is_whole or question.since_us is not None:
        return Scope(question.since_us)
    try:
        return scope_since(min(parse_instant_us(run.started) for run in runs))
    except ValueError as error:
        raise ConfigError(f"the key says that it was started at something that is no instant: {error}") from error


def _verdict(question: Question, court: Court, runs: list[Run], scope: Scope, attestations: int) -> Verdict:
    asked = _asked(question)
    prepare_lines(court)
    prepare_rows(court)
    prepare_alerts(court)
    graders: dict[str, Callable[[], Grade]] = {
        "raw": lambda: grade_raw(court, attestations),
        "facts": lambda: grade_facts(court),
        "conflicts": lambda: grade_conflicts(court),
        "duplicates": lambda: grade_duplicates(court),
        "quarantine": lambda: grade_quarantine(court),
        "receipts": lambda: grade_receipts(court),
        "alerts": lambda: grade_alerts(court),
        "unsendable": lambda: grade_unsendable(court),
    }
    classes: list[Grade | NotAsked] = []
    for name in CLASSES:
        why = _why_not(name, question, asked, court)
        classes.append(NotAsked(name=name, why=why) if why else graders[name]())
    grades = {grade.name: grade for grade in classes if isinstance(grade, Grade)}
    expected = sum(grade.expected for grade in grades.values())
    right = sum(grade.right for grade in grades.values())
    return Verdict(
        runs=runs,
        since=None if scope.since_us is None else format_instant_us(scope.since_us),
        expected=expected,
        right=right,
        percent=right * 10_000 // expected / 100 if expected else 100.0,
        is_right=all(grade.is_right for grade in grades.values()),
        classes=classes,
        hints=hints_of(court, grades),
    )


def _why_not(name: str, question: Question, asked: Collection[str], court: Court) -> str:
    """Return why a class is not judged; empty where it is."""
    if name not in asked:
        return "not among --only"
    if name == "alerts" and not question.alerts:
        return "no --alerts file of `clickstream watch --json`"
    if name == "duplicates" and question.is_shared:
        return "not told apart from those of others"
    has_job = question.only is not None or question.alerts or court.figures("SELECT count(*) AS n FROM receipt")["n"]
    if name == "receipts" and not has_job:
        return "no receipt at all, so no alert job ran; --only receipts judges them all the same"
    return ""
