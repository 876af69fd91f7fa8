"""The verdicts on the star schema: facts, conflicts, and how many lines were duplicates.

Pure; asks the evidence. A row counts by its hour's partition, and is right by the digest of its payload, which all of
its columns but the ids and the lineage are part of.
"""

from __future__ import annotations

from collections.abc import Mapping

from producers.verify.grades import EXTRA, MISSING, Court, Difference, Grade

_ROW = "id, hour, digest(payload) AS payload, source_object AS object, source_line AS number, 1 AS times FROM judged_{}"


def prepare_asked(court: Court) -> dict[str, int]:
    """Gather what the key asks for, `asked` and `asked_fact`, and return how many facts, duplicates and conflicts."""
    court.prepare("asked", "SELECT id, hour, payload, count(*) AS times FROM key_event GROUP BY ALL")
    court.prepare("asked_fact", "SELECT id, hour, count(*) AS payloads FROM asked GROUP BY ALL")
    return court.figures(
        "SELECT count(*) AS facts, (SELECT sum(times) - count(*) FROM asked) AS duplicates, "
        "sum(payloads - 1) AS conflicts FROM asked_fact"
    )


def prepare_rows(court: Court) -> None:
    """Put rows of the tables beside what is asked: `judged_fact`, `judged_conflict`."""
    for table in ("fact", "conflict"):
        court.prepare(
            f"judged_{table}",
            "SELECT f.*, k.id IS NOT NULL AS is_known, a.payload IS NOT NULL AS is_asked "  # noqa: S608
            f"FROM {table} f LEFT JOIN asked_fact k USING (id, hour) LEFT JOIN asked a USING (id, hour, payload) "
            "WHERE f.in_scope OR is_known",
        )


def grade_facts(court: Court) -> Grade:
    """Each id has one row in its hour, with one of the payloads that were sent, and nothing else has one.

    Args:
        court: with the rows prepared.
    """
    court.prepare(
        "found_fact",
        "SELECT id, hour, count(*) AS times, bool_and(is_asked) AS is_asked FROM judged_fact WHERE is_known "
        "GROUP BY ALL",
    )
    counts = court.figures(
        "SELECT count(*) AS expected, count(*) FILTER (f.times = 1 AND f.is_asked) AS there "
        "FROM asked_fact LEFT JOIN found_fact f USING (id, hour)"
    )
    differences = court.differences(
        {
            MISSING: "SELECT id, hour, any_value(k.fault) AS fault, digest(min(k.line)) AS line, 1 AS times "
            "FROM key_event k ANTI JOIN found_fact USING (id, hour) GROUP BY id, hour",
            EXTRA: f"SELECT {_ROW.format('fact')} WHERE NOT is_known AND {court.counts}",
            "wrong payload": f"SELECT {_ROW.format('fact')} WHERE is_known AND NOT is_asked",
            "twice": "SELECT id, hour, times - 1 AS times FROM found_fact WHERE times > 1",
        }
    )
    return _grade(court, "facts", "judged_fact", counts, differences)


def grade_conflicts(court: Court) -> Grade:
    """Of an id with several payloads, those that are not the fact's have one row each.

    Args:
        court: with the rows prepared.
    """
    court.prepare("fact_payload", "SELECT DISTINCT id, hour, payload FROM judged_fact WHERE is_asked")
    court.prepare(
        "found_conflict",
        "SELECT id, hour, payload, count(*) AS times FROM judged_conflict WHERE is_asked GROUP BY ALL",
    )
    court.prepare(
        "asked_conflict",
        "SELECT a.id, a.hour, count(*) - 1 AS payloads, "
        "count(*) FILTER (c.payload IS NOT NULL AND f.payload IS NULL) AS found, "
        "list(digest(a.payload)) FILTER (c.payload IS NULL AND f.payload IS NULL) AS absent "
        "FROM asked a LEFT JOIN found_conflict c USING (id, hour, payload) "
        "LEFT JOIN fact_payload f USING (id, hour, payload) GROUP BY a.id, a.hour HAVING count(*) > 1",
    )
    counts = court.figures("SELECT sum(payloads) AS expected, sum(least(found, payloads)) AS there FROM asked_conflict")
    unknown = f"SELECT {_ROW.format('conflict')} WHERE NOT is_known AND {court.counts}"
    differences = court.differences(
        {
            MISSING: "SELECT id, hour, absent AS payloads, payloads - found AS times FROM asked_conflict "
            "WHERE found < payloads",
            EXTRA: unknown,
            "wrong payload": f"SELECT {_ROW.format('conflict')} WHERE is_known AND NOT is_asked",
            "payload of the fact": "SELECT id, hour, digest(payload) AS payload, 1 AS times FROM found_conflict "
            "SEMI JOIN fact_payload USING (id, hour, payload)",
            "twice": "SELECT id, hour, digest(payload) AS payload, times - 1 AS times FROM found_conflict "
            "WHERE times > 1",
        }
    )
    return _grade(court, "conflicts", "judged_conflict", counts, differences)


def _grade(court: Court, name: str, judged: str, counts: Mapping[str, int], differences: list[Difference]) -> Grade:
    """Return the grade of a class whose rows are judged in a table, counted as far as they are of those asked for."""
    found = court.figures(
        f"SELECT count(*) FILTER (is_known OR {court.counts}) AS got, "  # noqa: S608
        f"count(*) FILTER (NOT is_known AND NOT ({court.counts})) AS of_others FROM {judged}"
    )
    return Grade(
        name=name,
        expected=counts["expected"],
        got=found["got"],
        right=counts["there"],
        differences=differences,
        figures={"of_others": found["of_others"]},
    )


def grade_duplicates(court: Court) -> Grade:
    """In each hour the compaction accepted the lines of the objects that it read: facts, conflicts and duplicates.

    What a line says is a fact or a conflict once; each further time it is a duplicate. There are at least as many as
    were sent, and at most as many as the raw bucket holds, which has more where something was delivered twice.

    Args:
        court: with lines and rows prepared, and no traffic of others.
    """
    court.prepare(
        "read_line",
        "SELECT line, count(*) AS times FROM raw_line JOIN raw_object USING (object) SEMI JOIN read_object USING (key) "
        "GROUP BY line",
    )
    court.prepare(
        "read_payload",
        "SELECT k.id, k.hour, k.payload, sum(k.times) AS sent, sum(r.times) AS times FROM ("
        "SELECT id, hour, payload, line, count(*) AS times FROM key_event GROUP BY ALL) k LEFT JOIN read_line r "
        "USING (line) GROUP BY k.id, k.hour, k.payload",
    )
    # A line that the tables know was read, even if it is not in the raw bucket any more.
    court.prepare(
        "said",
        "SELECT p.hour, count(*) AS payloads, sum(greatest(least(sent, coalesce(times, 0)), 1) - 1) AS least, "
        "sum(greatest(sent, coalesce(times, 0)) - 1) AS most FROM read_payload p LEFT JOIN ("
        "SELECT DISTINCT id, hour, payload FROM (FROM judged_fact UNION ALL BY NAME FROM judged_conflict)) t "
        "USING (id, hour, payload) WHERE times IS NOT NULL OR t.id IS NOT NULL GROUP BY p.hour",
    )
    # A line of others is told where it is extra; here it must not look like a duplicate.
    court.prepare(
        "said_by_others",
        "SELECT j.hour, count(*) AS payloads FROM (FROM judged_fact UNION ALL BY NAME FROM judged_conflict) j "
        "JOIN raw_object o ON o.key = j.source_object JOIN raw_line r ON r.object = o.object AND r.number = "
        "j.source_line ANTI JOIN sent USING (line) WHERE NOT j.is_known GROUP BY j.hour",
    )
    court.prepare(
        "judged_hour",
        "SELECT hour, coalesce(s.least, 0) AS least, coalesce(s.most, 0) AS most, coalesce(a.accepted, 0) "
        "- coalesce(s.payloads, 0) - coalesce(o.payloads, 0) AS got FROM said s FULL JOIN ("
        "SELECT hour, sum(accepted) AS accepted FROM object_hour GROUP BY hour) a USING (hour) "
        "LEFT JOIN said_by_others o USING (hour)",
    )
    counts = court.figures(
        "SELECT sum(least) AS expected, sum(got) AS got, sum(greatest(0, least(got, least))) AS there FROM judged_hour"
    )
    shown = "SELECT hour, least AS expected, got"
    return Grade(
        name="duplicates",
        expected=counts["expected"],
        got=counts["got"],
        right=counts["there"],
        differences=court.differences(
            {
                MISSING: f"{shown}, least - got AS times FROM judged_hour WHERE got < least",
                EXTRA: f"{shown}, got - most AS times FROM judged_hour WHERE got > most",
            }
        ),
    )
