"""What to do next about differences whose cause the evidence shows.

Pure; asks the evidence. Says nothing where it would have to guess.
"""

from __future__ import annotations

from collections.abc import Mapping

from producers.verify.grades import EXTRA, MISSING, Court, Grade

_STATES = {
    None: "their raw objects were not read yet: `clickstream compact`",
    "open": "their hours are not over: `clickstream compact --include-open` publishes them now",
    "held": "their hours are held back, by a check or a rollback: `clickstream hours` says why",
}


def hints_of(court: Court, grades: Mapping[str, Grade]) -> list[str]:
    """Return the next steps, each a sentence that begins with what it is about.

    Args:
        court: with all that the grades were judged by.
        grades: the judged classes by name.
    """
    hints = []
    if "raw" in grades and (missing := grades["raw"].count(MISSING)):
        hints.append(
            f"{missing:,} lines are not in the raw bucket: `clickstream flush` delivers what the local stack holds; "
            "on AWS, wait for the buffering time of the Firehose stream"
        )
        spooled = court.figures(
            "SELECT count(*) AS n FROM sent ANTI JOIN heard USING (line) SEMI JOIN spooled USING (line)"
        )["n"]
        if spooled:
            hints.append(
                f"{spooled:,} of the missing lines could not be sent and are in the spool of this machine: "
                "the next run takes them up"
            )
    if "facts" in grades and "raw" in grades:
        for row in court.evidence.ask(
            "SELECT state, count(DISTINCT (k.id, k.hour)) AS n FROM key_event k ANTI JOIN found_fact USING (id, hour) "
            "JOIN raw_line r USING (line) JOIN raw_object o USING (object) "
            "LEFT JOIN object_hour h ON h.key = o.key AND h.hour = k.hour GROUP BY state ORDER BY state"
        ):
            if row["state"] in _STATES:
                hints.append(f"{row['n']:,} missing facts are in the raw bucket; {_STATES[row['state']]}")
    if (quarantine := grades.get("quarantine")) and quarantine.count(MISSING):
        unread = court.figures(
            "SELECT count(DISTINCT line) AS n FROM asked_refused a ANTI JOIN judged_refused USING (line) "
            "JOIN raw_line USING (line) JOIN raw_object USING (object) ANTI JOIN read_object USING (key)"
        )["n"]
        if unread:
            hints.append(f"{unread:,} lines missing in the quarantine are in the raw bucket; {_STATES[None]}")
    if any(name in grades and grades[name].count(MISSING) for name in ("alerts", "receipts")):
        hints.append("alerts are missing: `clickstream status` says whether the alert job runs and how far it is")
    if not court.is_shared and any(grade.count(EXTRA) for grade in grades.values()):
        hints.append(
            "what is extra is not of this key: give the keys of all runs at once, `--since` a later hour, or "
            "`--shared` where others send too"
        )
    return hints
