"""The verdicts on lines: in the raw bucket, in the quarantine, and in the spool of what could not be sent.

Pure; asks the evidence.
"""

from __future__ import annotations

from producers.verify.grades import EXTRA, MISSING, Court, Grade


def prepare_lines(court: Court) -> None:
    """Count each line that was sent, and each that is in the raw bucket: the tables `sent` and `heard`."""
    court.prepare(
        "sent",
        "SELECT line, count(*) AS times, any_value(id) AS id, any_value(hour) AS hour, any_value(reason) AS reason, "
        "any_value(fault) AS fault FROM (SELECT line, id, hour, NULL AS reason, fault FROM key_event "
        "UNION ALL SELECT line, NULL, NULL, reason, fault FROM key_refused) GROUP BY line",
    )
    court.prepare("heard", "SELECT line, count(*) AS times, bool_or(is_ours) AS is_ours FROM raw_line GROUP BY line")


def grade_raw(court: Court, attestations: int) -> Grade:
    """Each line that was sent is there as often as it was sent, or more often.

    Args:
        court: with the lines prepared.
        attestations: lines of them, which are nobody's event and were left out.
    """
    counts = court.figures(
        "SELECT sum(s.times) AS expected, sum(least(s.times, coalesce(h.times, 0))) AS there, sum(h.times) AS got, "
        "sum(greatest(h.times - s.times, 0)) AS redelivered FROM sent s LEFT JOIN heard h USING (line)"
    )
    unknown = "FROM heard ANTI JOIN sent USING (line)"
    differences = court.differences(
        {
            MISSING: "SELECT digest(s.line) AS line, s.id, s.hour, s.reason, s.fault, (SELECT any_value(p.reason) "
            "FROM spooled p WHERE p.line = s.line) AS spooled, s.times - coalesce(h.times, 0) AS times "
            "FROM sent s LEFT JOIN heard h USING (line) WHERE s.times > coalesce(h.times, 0)",
            EXTRA: f"SELECT digest(line) AS line, times {unknown} WHERE {court.counts}",
            "damaged object": "SELECT key AS object, damage, 1 AS times FROM raw_object WHERE damage IS NOT NULL",
        }
    )
    others = court.figures(f"SELECT sum(times) AS n {unknown} WHERE NOT ({court.counts})")["n"]
    got = counts["got"] + sum(difference.count for difference in differences if difference.kind == EXTRA)
    return Grade(
        name="raw",
        expected=counts["expected"],
        got=got,
        right=counts["there"],
        differences=differences,
        figures={"redelivered": counts["redelivered"], "attestations": attestations, "of_others": others},
    )


def grade_quarantine(court: Court) -> Grade:
    """Each line that is no event is quarantined for its reason, at least as often as sent, at most as often as in raw.

    Args:
        court: with the lines prepared.
    """
    court.prepare(
        "asked_refused",
        "SELECT line, any_value(k.reason) AS reason, any_value(k.fault) AS fault, count(*) AS times, "
        "greatest(count(*), any_value(coalesce(h.times, 0))) AS most "
        "FROM key_refused k LEFT JOIN heard h USING (line) GROUP BY line",
    )
    court.prepare(
        "judged_refused",
        "SELECT q.line, count(*) AS times, count(*) FILTER (q.reason = a.reason) AS right_reason "
        "FROM quarantined q JOIN asked_refused a USING (line) GROUP BY q.line",
    )
    counts = court.figures(
        "SELECT sum(a.times) AS expected, sum(least(a.times, coalesce(j.right_reason, 0))) AS there, "
        "sum(j.times) AS got FROM asked_refused a LEFT JOIN judged_refused j USING (line)"
    )
    unknown = "FROM quarantined ANTI JOIN asked_refused USING (line) WHERE in_scope"
    differences = court.differences(
        {
            MISSING: "SELECT a.reason, digest(a.line) AS line, a.fault, a.times - coalesce(j.times, 0) AS times "
            "FROM asked_refused a LEFT JOIN judged_refused j USING (line) WHERE a.times > coalesce(j.times, 0)",
            EXTRA: "SELECT reason, digest(line) AS line, source_object AS object, source_line AS number, 1 AS times "
            f"{unknown} AND {court.counts}",
            "other reason": "SELECT q.reason, a.reason AS expected, digest(q.line) AS line, q.source_object AS object, "
            "q.source_line AS number, 1 AS times FROM quarantined q JOIN asked_refused a USING (line) "
            "WHERE q.reason <> a.reason",
            "more often than in raw": "SELECT a.reason, digest(a.line) AS line, j.times - a.most AS times "
            "FROM asked_refused a JOIN judged_refused j USING (line) WHERE j.times > a.most",
        }
    )
    others = court.figures(f"SELECT count(*) AS n {unknown} AND NOT ({court.counts})")["n"]
    reasons = court.evidence.ask(
        "SELECT reason, count(*) AS n FROM quarantined SEMI JOIN asked_refused USING (line) GROUP BY ALL ORDER BY ALL"
    )
    return Grade(
        name="quarantine",
        expected=counts["expected"],
        got=counts["got"] + sum(difference.count for difference in differences if difference.kind == EXTRA),
        right=counts["there"],
        differences=differences,
        figures={row["reason"]: row["n"] for row in reasons} | {"of_others": others},
    )


def grade_unsendable(court: Court) -> Grade:
    """Each line that no stream takes was kept in the spool."""
    court.prepare(
        "asked_unsendable",
        "SELECT k.line, any_value(k.fault) AS fault, count(*) AS times, "
        "(SELECT count(*) FROM spooled s WHERE s.line = k.line) AS kept FROM key_unsendable k GROUP BY k.line",
    )
    counts = court.figures(
        "SELECT sum(times) AS expected, sum(kept) AS got, sum(least(times, kept)) AS there FROM asked_unsendable"
    )
    missing = "SELECT digest(line) AS line, fault, times - kept AS times FROM asked_unsendable WHERE times > kept"
    return Grade(
        name="unsendable",
        expected=counts["expected"],
        got=counts["got"],
        right=counts["there"],
        differences=court.differences({MISSING: missing}),
    )
