"""The checks that a merged hour must pass before anyone sees it: data, each a name, a severity and a function.

Pure. A check counts by another route than the merge, so that a fault of the merge is noticed. A check that raises has
failed, and holds the hour back: what cannot be judged is not published.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batch_compaction.arrays import Hashes, are_among
from batch_compaction.hour_audit import HourAudit, bounds_of, instants_of, nulls_of, schemas_of
from batch_compaction.id_hashes import (
    differences,
    missing_hashes,
    repeated_hashes,
    repeated_texts,
    shared_hashes,
    shared_texts,
    sorted_hashes,
    texts_of,
)
from batch_compaction.lean_scan import LEAN
from batch_compaction.verdicts import Severity, Verdict
from schemas.instants import HOUR_US, format_instant_us
from schemas.lake import partition_of_hour
from schemas.tables import CONFLICTS, FACT_CLICKS, HOUR_PARTITION, Table, athena_type

_EXAMPLES = 3
_NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: whether it passed, what it asks for, what it got, and examples, for a person."""

    passed: bool
    expected: str
    got: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """A check: its name and meaning are those of its function."""

    judge: Callable[[HourAudit], Finding]
    severity: Severity

    @property
    def name(self) -> str:
        """What verdicts, settings and `--accept` call it."""
        return self.judge.__name__

    @property
    def meaning(self) -> str:
        """One sentence for users."""
        return (self.judge.__doc__ or "").partition("\n")[0]


def schema_conforms(audit: HourAudit) -> Finding:
    """Facts and conflicts have the columns of their tables, with their types, and no others."""
    wrong = [
        f"{table.name}.{column}"
        for table, rows in ((FACT_CLICKS, audit.facts), (CONFLICTS, audit.conflicts))
        for schema in schemas_of(rows)
        for column in _wrong_columns(table, schema)
    ]
    return Finding(not wrong, "the columns of the tables", _count(wrong, "wrong columns"), _some(wrong))


def required_not_null(audit: HourAudit) -> Finding:
    """A column that is always set has no null."""
    nulls = {
        f"{table.name}.{field.name}": nulls_of(rows, field.name)
        for table, rows in ((FACT_CLICKS, audit.facts), (CONFLICTS, audit.conflicts))
        for field in table.schema
        if not field.nullable
    }
    wrong = [f"{name}: {count}" for name, count in nulls.items() if count]
    return Finding(not wrong, "0 nulls", f"{sum(nulls.values())} nulls", _some(wrong))


def rows_within_hour(audit: HourAudit) -> Finding:
    """Every row happened in the hour, and its partition columns say that hour."""
    wrong = []
    for name, rows in (("facts", audit.facts), ("conflicts", audit.conflicts)):
        bounds = instants_of(rows, "event_timestamp")
        if bounds and not (audit.hour_us <= bounds[0] and bounds[1] < audit.hour_us + HOUR_US):
            wrong.append(f"{name} from {format_instant_us(bounds[0])} to {format_instant_us(bounds[1])}")
        named = dict(zip(HOUR_PARTITION, partition_of_hour(audit.hour_us), strict=True))
        for column, (lowest, highest) in bounds_of(rows, HOUR_PARTITION).items():
            if not lowest == highest == named[column]:
                wrong.append(f"{name}.{column} from {lowest} to {highest}")
    return Finding(not wrong, f"all within {format_instant_us(audit.hour_us)}", _count(wrong, "faults"), _some(wrong))


def ids_unique(audit: HourAudit) -> Finding:
    """No event id stands twice in the facts."""
    candidates = repeated_hashes(audit.fact_ids)
    twice = repeated_texts("click_id", audit.facts, candidates)
    got = f"{len(candidates)} ids stand twice" if twice else "each id once"
    return Finding(not twice, "each id once", got, _some(twice))


def ids_conserved(audit: HourAudit) -> Finding:
    """The ids of the lines that came in, and of what the hour held, are those of its facts, no more and no fewer."""
    held = (audit.facts_before, audit.conflicts_before, audit.conflicts)
    into = [sorted_hashes("click_id", rows) for rows in (audit.lines, *held)]
    lost, appeared = differences(into, audit.fact_ids)
    examples: list[str] = []
    if len(lost):
        examples += [text for rows in (audit.lines, *held) for text in texts_of("click_id", rows, lost[:_EXAMPLES])]
    if len(appeared):
        examples += texts_of("click_id", audit.facts, appeared[:_EXAMPLES])
    got = f"{len(lost)} lost, {len(appeared)} appeared"
    return Finding(not len(lost) and not len(appeared), "0 lost, 0 appeared", got, _some(sorted(set(examples))))


def users_known(audit: HourAudit) -> Finding:
    """The user of every fact is in `dim_users`."""
    found = np.unique(np.concatenate([audit.users[:0], *missing_hashes("user_id", audit.facts, audit.users)]))
    examples = texts_of("user_id", audit.facts, found[:_EXAMPLES]) if len(found) else []
    return Finding(not len(found), "0 unknown users", f"{len(found)} unknown users", _some(examples))


def lines_accounted(audit: HourAudit) -> Finding:
    """Every line is in one place: accepted, quarantined, attested or blank; then a fact, a conflict or a duplicate."""
    places = [(each, (each.accepted, each.quarantined, each.attestations, each.blank)) for each in audit.sources]
    wrong = [
        f"{source.key}: {source.lines} lines, {' + '.join(map(str, counts))} accounted for"
        for source, counts in places
        if source.lines != sum(counts)
    ]
    accepted, received = sum(source.accepted_of_hour for source in audit.sources), audit.lines.count_rows()
    if accepted != received:
        wrong.append(f"{accepted} lines of the hour were accepted, {received} came to the merge")
    before = audit.facts_before.count_rows() + audit.conflicts_before.count_rows() - audit.lines_held_twice
    facts, conflicts = audit.facts.count_rows(), audit.conflicts.count_rows()
    if not 0 <= audit.duplicates <= audit.new_lines <= received:
        wrong.append(f"{received} lines, {audit.new_lines} of them new, {audit.duplicates} of these duplicates")
    return Finding(
        not wrong and before + audit.new_lines == facts + conflicts + audit.duplicates,
        f"{before} rows before + {audit.new_lines} new lines",
        f"{facts} facts + {conflicts} conflicts + {audit.duplicates} duplicates",
        _some(wrong),
    )


def duplicate_ratio(audit: HourAudit) -> Finding:
    """Not too many of the new lines say what another line says."""
    return _ratio(audit, audit.duplicates, audit.new_lines, audit.limits.max_duplicate_ratio)


def quarantine_ratio(audit: HourAudit) -> Finding:
    """Not too many lines of the raw objects that hold lines of the hour are no event."""
    lines = sum(source.accepted + source.quarantined for source in audit.sources)
    quarantined = sum(source.quarantined for source in audit.sources)
    return _ratio(audit, quarantined, lines, audit.limits.max_quarantine_ratio)


def volume_usual(audit: HourAudit) -> Finding:
    """The hour holds about as many facts as the same hour of earlier days, by their median."""
    days, facts, factor = audit.earlier_days, audit.facts.count_rows(), audit.limits.max_volume_factor
    median = statistics.median(days) if len(days) >= max(1, audit.limits.min_earlier_days) else None
    if median is None or max(facts, median) < audit.limits.min_lines:
        return Finding(True, _NOT_JUDGED, f"{facts} facts", f"{len(days)} earlier days are known")
    low, high = median / factor, median * factor
    return Finding(
        low <= facts <= high, f"{low:.0f} to {high:.0f} facts", f"{facts} facts", f"{len(days)} earlier days"
    )


def arrival_fresh(audit: HourAudit) -> Finding:
    """Most lines of the hour arrived soon after it ended."""
    latest = audit.hour_us + audit.limits.late_after_hours * HOUR_US
    late = sum(source.accepted_of_hour for source in audit.sources if source.arrival_hour_us > latest)
    total = sum(source.accepted_of_hour for source in audit.sources) + audit.facts_before.count_rows()
    return _ratio(audit, late, total, audit.limits.max_late_ratio)


def clocks_right(audit: HourAudit) -> Finding:
    """Few lines happened after they arrived; an hour is allowed, since a folder is named by the oldest record in it."""
    ahead = sum(source.accepted_of_hour for source in audit.sources if source.arrival_hour_us + HOUR_US < audit.hour_us)
    total = sum(source.accepted_of_hour for source in audit.sources)
    return _ratio(audit, ahead, total, audit.limits.max_ahead_ratio)


def ids_of_one_hour(audit: HourAudit) -> Finding:
    """No event id of the hour stands in an earlier hour within the look-back; such ids are not resolved."""
    from_us = audit.hour_us - audit.limits.lookback_hours * HOUR_US
    suspects = audit.fact_ids[are_among(audit.fact_ids, audit.of_run.ids_in_several)]
    shared = [audit.fact_ids[:0], *_ids_of_published(audit)]
    texts = set(shared_texts("click_id", audit.facts, audit.earlier_facts, np.unique(np.concatenate(shared))))
    for earlier in audit.of_run.between(from_us, audit.hour_us) if len(suspects) else ():
        found = suspects[are_among(suspects, earlier.fact_ids)]
        if some := shared_texts("click_id", audit.facts, earlier.facts, found):
            shared.append(found)
            texts.update(some)
    count = len(np.unique(np.concatenate(shared))) if texts else 0
    expected = f"0 ids of the {audit.limits.lookback_hours} hours before"
    return Finding(not texts, expected, f"{count} ids", _some(sorted(texts)))


def _ids_of_published(audit: HourAudit) -> Iterator[Hashes]:
    """Yield the hashes of ids that the published facts of earlier hours share with those of an hour."""
    bounds = bounds_of(audit.facts, ["click_id"]) if audit.earlier_facts.count_rows() else {}
    if bounds:
        lowest, highest = bounds["click_id"]
        # Row groups whose statistics rule the range out are not read: with ids that grow in time, almost all of them.
        within = (pc.field("click_id") >= lowest) & (pc.field("click_id") <= highest)
        scanner = audit.earlier_facts.scanner(columns=["click_id"], filter=within, **LEAN)
        yield from shared_hashes("click_id", scanner, audit.fact_ids)


CHECKS = (
    Check(schema_conforms, Severity.BLOCKING),
    Check(required_not_null, Severity.BLOCKING),
    Check(rows_within_hour, Severity.BLOCKING),
    Check(ids_unique, Severity.BLOCKING),
    Check(ids_conserved, Severity.BLOCKING),
    Check(users_known, Severity.BLOCKING),
    Check(lines_accounted, Severity.BLOCKING),
    Check(duplicate_ratio, Severity.WARNING),
    Check(quarantine_ratio, Severity.WARNING),
    Check(volume_usual, Severity.WARNING),
    Check(arrival_fresh, Severity.WARNING),
    Check(clocks_right, Severity.WARNING),
    Check(ids_of_one_hour, Severity.WARNING),
)
CHECK_NAMES = frozenset(check.name for check in CHECKS)


def verdicts_of(audit: HourAudit, checks: Iterable[Check] = CHECKS) -> list[Verdict]:
    """Return the verdict of every check on an hour."""
    return [_verdict(check, audit) for check in checks]


def _verdict(check: Check, audit: HourAudit) -> Verdict:
    severity = Severity.BLOCKING if check.name in audit.limits.blocking else check.severity
    try:
        found = check.judge(audit)
    except Exception as error:  # whatever it is, the hour was not judged
        return Verdict(
            check.name, Severity.BLOCKING, False, "a verdict", "an error", f"{type(error).__name__}: {error}"
        )
    return Verdict(check.name, severity, found.passed, found.expected, found.got, found.detail)


def _wrong_columns(table: Table, schema: pa.Schema) -> list[str]:
    expected = {field.name: athena_type(field.type) for field in table.schema}
    found = {field.name: _type_name(field.type) for field in schema}
    return sorted(name for name in expected | found if expected.get(name) != found.get(name))


def _type_name(kind: pa.DataType) -> str:
    try:
        return athena_type(kind)
    except KeyError:
        return str(kind)


def _ratio(audit: HourAudit, part: int, whole: int, limit: float) -> Finding:
    got = f"{part} of {whole}"
    if whole < audit.limits.min_lines:
        return Finding(True, _NOT_JUDGED, got, f"fewer than {audit.limits.min_lines} lines")
    return Finding(part <= limit * whole, f"at most {limit:g}", f"{part / whole:.4g}", got)


def _count(found: list[str], what: str) -> str:
    return f"{len(found)} {what}"


def _some(found: list[str]) -> str:
    more = f" and {len(found) - _EXAMPLES} more" if len(found) > _EXAMPLES else ""
    return ", ".join(found[:_EXAMPLES]) + more
