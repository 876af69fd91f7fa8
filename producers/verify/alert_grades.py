"""The verdicts on alerts: what a subscriber received, and the receipts that the alert job keeps.

Pure; asks the evidence. An alert that may be a repeat says so. Where the age of an event at its arrival decides, the
key allows an alert without asking for it.
"""

from __future__ import annotations

from producers.verify.grades import EXTRA, MISSING, Court, Grade

_ALLOWED = "SEMI JOIN (SELECT id FROM asked_alert WHERE allowed) USING (id)"


def prepare_alerts(court: Court) -> None:
    """Say of each id whether it must be alerted, or may: the table `asked_alert`."""
    court.prepare(
        "asked_alert",
        "SELECT id, bool_or(alert) AS alert, bool_or(alert OR may_alert) AS allowed FROM key_event GROUP BY id",
    )


def grade_receipts(court: Court) -> Grade:
    """Each id that must be alerted has a receipt that says what it must, and none that must not.

    One publish may leave several.
    """
    return _grade(court, "receipt", "receipts", {})


def grade_alerts(court: Court) -> Grade:
    """Each id that must be alerted was received with what it must say, and none that must not; repeats say so.

    A queue may deliver one message several times, under one message id.
    """
    repeated = (
        "SELECT id, rule, list(DISTINCT message_id ORDER BY message_id) AS messages, "  # noqa: S608
        f"count(DISTINCT message_id) - 1 AS times FROM alert {_ALLOWED} "
        "WHERE NOT maybe_repeat GROUP BY id, rule HAVING count(DISTINCT message_id) > 1"
    )
    return _grade(court, "alert", "alerts", {"unmarked repeat": repeated})


def _grade(court: Court, table: str, name: str, more: dict[str, str]) -> Grade:
    wrong = {
        "wrong content": f"SELECT DISTINCT id, rule, 1 AS times FROM {table} {_ALLOWED} "  # noqa: S608
        "ANTI JOIN key_alert USING (id, content)",
        **more,
    }
    spoiled = " UNION ALL ".join(f"SELECT id FROM ({select})" for select in wrong.values())  # noqa: S608
    known = f"FROM {table} f LEFT JOIN asked_alert a USING (id)"
    # An alert names no producer: of an id that the key does not know nobody can say whose it is.
    foreign = "a.id IS NULL" if court.is_shared else "false"
    # Several receipts of one publish, and several deliveries of one message, are one.
    counts = court.figures(
        f"SELECT count(DISTINCT id) FILTER (NOT ({foreign})) AS got, "
        f"count(DISTINCT id) FILTER (a.alert AND id NOT IN ({spoiled})) AS there, "
        f"count(DISTINCT id) FILTER ({foreign}) AS of_others, "
        f"count(DISTINCT (id, rule, message_id)) - count(DISTINCT (id, rule)) AS repeated {known}"
    )
    [latencies] = court.evidence.ask(
        "SELECT quantile_disc(latency_ms, 0.5) AS latency_ms_p50, quantile_disc(latency_ms, 0.95) AS latency_ms_p95, "
        f"quantile_disc(latency_ms, 0.99) AS latency_ms_p99 {known} WHERE a.alert"
    )
    differences = court.differences(
        {
            MISSING: "SELECT id, min(hour) AS hour, digest(min(line)) AS line, any_value(fault) AS fault, "  # noqa: S608
            "1 AS times "
            f"FROM key_event SEMI JOIN (SELECT id FROM asked_alert WHERE alert) USING (id) ANTI JOIN {table} "
            "USING (id) GROUP BY id",
            EXTRA: f"SELECT DISTINCT id, rule, 1 AS times {known} WHERE a.allowed IS NOT TRUE AND NOT ({foreign})",
            **wrong,
        }
    )
    return Grade(
        name=name,
        expected=court.figures("SELECT count(*) AS n FROM asked_alert WHERE alert")["n"],
        got=counts["got"],
        right=counts["there"],
        differences=differences,
        figures={name: counts[name] for name in ("repeated", "of_others")}
        | {name: value for name, value in latencies.items() if value is not None},
    )
