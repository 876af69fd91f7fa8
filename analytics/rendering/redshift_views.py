"""For Redshift: what analysts ask. Facts from the hot table and the lake as one, and figures by hour kept ready."""

from __future__ import annotations

from analytics.rendering.blanks import Blanks
from analytics.rendering.redshift_tables import DIMENSIONS, FACTS, HOT, LAKE, MART
from analytics.rendering.redshift_types import names_sql, read_sql
from analytics.rendering.sql_files import SqlFile

_HOT_FROM = f"(SELECT hot_from FROM {HOT}.boundary)"  # noqa: S608 (names of ours)
_HOT_UNTIL = f"(SELECT hot_until FROM {HOT}.boundary)"  # noqa: S608 (names of ours)
_UNBOUND = "WITH NO SCHEMA BINDING;"
# A text of digits that a BIGINT holds: what is no amount is left out, and has no query fail.
_AMOUNT = "metadata.amount_minor::VARCHAR(32)"
_WHOLE_AMOUNT = f"CASE WHEN {_AMOUNT} ~ '^[0-9]{{1,18}}$'\n                THEN {_AMOUNT}::BIGINT END"


def _hybrid(blanks: Blanks) -> str:
    del blanks
    facts = (
        f"CREATE OR REPLACE VIEW {MART}.{FACTS.table.name} AS\n"
        f"SELECT\n{names_sql(FACTS.table)}\n"
        f"FROM {FACTS.name}\n"
        f"WHERE event_timestamp >= {_HOT_FROM} AND event_timestamp < {_HOT_UNTIL}\n"
        "UNION ALL\n"
        f"SELECT\n{read_sql(FACTS.table)}\n"
        f"FROM {LAKE}.{FACTS.table.name}\n"
        f"WHERE event_timestamp < {_HOT_FROM} OR event_timestamp >= {_HOT_UNTIL}\n{_UNBOUND}"
    )
    users = (
        f"CREATE OR REPLACE VIEW {MART}.{table.table.name} AS\n"
        f"SELECT\n{names_sql(table.table)}\nFROM {table.name}\n{_UNBOUND}"
        for table in DIMENSIONS
    )
    return "\n\n".join([facts, *users])


def _stale_hours(blanks: Blanks) -> str:
    del blanks
    return (
        f"CREATE OR REPLACE VIEW {HOT}.stale_hours AS\n"
        "SELECT h.event_hour, h.state, h.version, h.facts, l.version AS loaded_version\n"
        f"FROM {LAKE}.hours AS h\n"
        f"LEFT JOIN {HOT}.loaded_hours AS l ON l.event_hour = h.event_hour\n"
        f"WHERE h.event_hour >= {_HOT_FROM} AND h.event_hour < {_HOT_UNTIL}\n"
        f"  AND COALESCE(h.version, -1) <> COALESCE(l.version, -1)\n{_UNBOUND}"
    )


def _check(blanks: Blanks) -> str:
    del blanks
    return (
        "SELECT l.event_hour, l.version, l.facts AS published, COALESCE(f.facts, 0) AS hot\n"  # noqa: S608
        f"FROM {HOT}.loaded_hours AS l\n"
        "LEFT JOIN (\n"
        "  SELECT DATE_TRUNC('hour', event_timestamp) AS event_hour, COUNT(*) AS facts\n"
        f"  FROM {FACTS.name}\n"
        "  GROUP BY 1\n"
        ") AS f ON f.event_hour = l.event_hour\n"
        "WHERE l.facts <> COALESCE(f.facts, 0)\n"
        "ORDER BY l.event_hour;"
    )


def _materialized(blanks: Blanks) -> str:
    del blanks
    clicks = (
        f"CREATE MATERIALIZED VIEW {MART}.hot_clicks_hourly\n"
        "DISTSTYLE EVEN\nSORTKEY (event_hour)\nAUTO REFRESH YES\nAS\n"
        "SELECT DATE_TRUNC('hour', event_timestamp) AS event_hour, event_type, device_type, COUNT(*) AS clicks\n"
        f"FROM {FACTS.name}\n"
        "GROUP BY 1, 2, 3;"
    )
    revenue = (
        f"CREATE MATERIALIZED VIEW {MART}.hot_revenue_hourly\n"
        "DISTSTYLE EVEN\nSORTKEY (event_hour)\nAUTO REFRESH YES\nAS\n"
        "SELECT DATE_TRUNC('hour', event_timestamp) AS event_hour,\n"
        "       metadata.currency::VARCHAR(16) AS currency,\n"
        "       COUNT(*) AS purchases,\n"
        f"       SUM({_WHOLE_AMOUNT}) AS amount_minor\n"
        f"FROM {FACTS.name}\n"
        "WHERE event_type = 'purchase'\n"
        "GROUP BY 1, 2;"
    )
    return f"{clicks}\n\n{revenue}"


FILES = (
    SqlFile(
        "redshift",
        "hybrid_view",
        "Facts as one view: recent ones from the hot table, all others from the lake; and the dimensions beside them.",
        (
            "The boundary moves in the transaction that moves the rows, and a query sees one state of both: each hour "
            "is answered by exactly one side. A hot hour that was repaired is as it was loaded until "
            "refresh_repaired_hours.sql.",
            "WITH NO SCHEMA BINDING: a view over an external table has to be of this kind. Nothing checks it when a "
            "table is dropped. Ask it in a session that says SET json_serialization_enable TO true; name the time by "
            "event_timestamp, and also by year, month and day where it is the lake's, so that Spectrum reads only "
            "those days.",
        ),
        _hybrid,
    ),
    SqlFile(
        "redshift",
        "stale_hours",
        "Which hot hours hold another version than the lake has now: what refresh_repaired_hours.sql loads again.",
        (
            "An hour that was never loaded, since it was published after the boundary had passed it, is stale too; "
            "one that holds nothing on both sides is not.",
        ),
        _stale_hours,
    ),
    SqlFile(
        "redshift",
        "check_hot_hours",
        "Hours whose rows in the hot table are not as many as the version that was loaded had; none is right.",
        (
            "An hour that was repaired in the moment between its version and its facts shows here, and is stale as "
            "well: refresh_repaired_hours.sql mends it.",
        ),
        _check,
    ),
    SqlFile(
        "redshift",
        "materialized_views",
        "Figures by hour of the hot facts, kept ready: clicks by type and device, purchases and revenue by currency.",
        (
            "AUTO REFRESH: Redshift refreshes them after loads, when it has room; REFRESH MATERIALIZED VIEW does at "
            "once. Counts and sums alone can be refreshed by what changed; a COUNT(DISTINCT), an outer join or a "
            "window function has all computed anew each time. SVV_MV_INFO says how each stands (is_stale, state).",
            "They are over the hot table alone: refreshing one over the lake costs Spectrum reads, and none can be "
            "over the hybrid view, which is not bound. Hours from hot_until on may be incomplete in them: end a "
            "question there. Amounts are in minor units; one that is no whole number is not summed.",
        ),
        _materialized,
    ),
)
