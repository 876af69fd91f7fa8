"""The report of a run as a person reads it."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from batch_compaction.notifications import HIDDEN_S
from batch_compaction.report import RunReport


def show(report: RunReport, output: Console) -> None:
    """Print a report."""
    if report.hours:
        output.print(_hour_table(report))
    quarantined = ", ".join(f"{count} {reason}" for reason, count in report.quarantined.items()) or "none"
    output.print(
        f"{report.objects} objects, {report.lines} lines: {report.accepted} accepted, quarantined {quarantined}, "
        f"{report.attestations} attestations, {report.blank} blank; "
        f"{report.unpublished} of the accepted lines were not for this run"
    )
    for line in _remarks(report):
        output.print(line, markup=False)
    output.print(f"committed: {', '.join(report.committed)}" if report.committed else "nothing new: nothing committed")
    phases = ", ".join(f"{phase} {seconds:.1f} s" for phase, seconds in report.seconds.items())
    output.print(
        f"{report.bytes_read / 1e6:,.1f} MB read, {report.peak_memory_bytes / (1 << 20):,.0f} MiB of memory; {phases}"
    )


def _remarks(report: RunReport) -> list[str]:
    """Return what somebody may want to look into, a line each."""
    lines = [f"not read: {key}: {why}" for key, why in report.unread.items()]
    lines += [f"changed after it was read, what was read stays: {key}" for key in report.overwritten]
    lines += [f"told of and no longer there: {key}" for key in report.gone]
    lines += [f"no notification, left in the queue: {message}" for message in report.strange]
    if report.undeleted:
        lines.append(f"{report.undeleted} messages could not be deleted: they show up again and do no harm")
    if report.in_flight:
        lines.append(
            f"another run has about {report.in_flight} messages in hand, or one had them that died: these show up "
            f"again {HIDDEN_S // 60} minutes after it took them; --reconcile does not wait for them"
        )
    if report.overtaken:
        lines.append(f"another run committed first, {report.overtaken} times: this one planned again each time")
    return lines


def _hour_table(report: RunReport) -> Table:
    table = Table(title="event hours, UTC")
    table.add_column("hour")
    for name in ("new lines", "facts before", "facts", "duplicates", "conflicts"):
        table.add_column(name, justify="right")
    for hour in report.hours:
        numbers = (hour.new_lines, hour.facts_before, hour.facts, hour.duplicates, hour.conflicts)
        table.add_row(hour.hour, *map(str, numbers))
    return table
