"""For Redshift: filling the hot tables, keeping them true to the lake, letting go of what is old.

Each script is one transaction and may be run again. Three rules make it right whatever is published meanwhile:

- the boundary's row is written first, so that of two scripts at once one waits or fails, and is run again;
- the versions of the hours are read before their facts. A run publishes facts first and versions after them, so what is
  recorded is never newer than what was copied: the worst is an hour that is reloaded without need;
- the boundary moves in the same transaction as the rows, and never beyond the instant before which all is published.
"""

from __future__ import annotations

from analytics.rendering.blanks import Blanks, days_sql, timestamp_sql
from analytics.rendering.redshift_tables import FACTS, HOT, LAKE, USER_AGENTS, USERS, USERS_HISTORY, HotTable
from analytics.rendering.redshift_types import names_sql, read_sql
from analytics.rendering.sql_files import SqlFile
from schemas.instants import us_to_datetime

RETENTION_DAYS = 35
MANIFESTS_FOLDER = f"{FACTS.table.name}/redshift/"
SERIALIZED = "SET json_serialization_enable TO true;"
_ALONE = f"UPDATE {HOT}.boundary SET moved_at = GETDATE();"  # noqa: S608 (names of ours)
_ARRIVING = "arriving_hours"


def manifest_address(blanks: Blanks) -> str:
    """Return where the manifest of the hours is put, without its suffix: below a folder that Redshift's role reads."""
    first, last = (us_to_datetime(hour_us).strftime("%Y-%m-%dT%H") for hour_us in (blanks.from_us, blanks.to_us))
    return f"s3://{blanks.curated_bucket}/{MANIFESTS_FOLDER}{first}_{last}"


def _script(*statements: str, before: tuple[str, ...] = (), after: tuple[str, ...] = ()) -> str:
    return "\n\n".join([*before, "BEGIN;", *statements, "COMMIT;", *after])


def _within(blanks: Blanks, column: str) -> str:
    return f"{column} >= {timestamp_sql(blanks.from_us)} AND {column} < {timestamp_sql(blanks.to_us)}"


def _arriving_from_lake() -> str:
    return (
        f"DROP TABLE IF EXISTS {_ARRIVING};\n\n"
        f"CREATE TEMP TABLE {_ARRIVING} AS\n"
        f"SELECT event_hour, version, facts, published_through FROM {LAKE}.hours;"
    )


def _note_versions(blanks: Blanks) -> str:
    return (
        f"DELETE FROM {HOT}.loaded_hours\nWHERE {_within(blanks, 'event_hour')};\n\n"  # noqa: S608 (names of ours)
        f"INSERT INTO {HOT}.loaded_hours (event_hour, version, facts)\n"
        f"SELECT event_hour, version, facts FROM {_ARRIVING}\n"
        f"WHERE {_within(blanks, 'event_hour')};"
    )


def _move_boundary(blanks: Blanks) -> str:
    """Return the statements that have the hot range reach over the hours, where the two touch; else it stays.

    LEAST passes nulls over, so the case of no hour at all is told apart without it.
    """
    first, last = timestamp_sql(blanks.from_us), timestamp_sql(blanks.to_us)
    return (
        f"UPDATE {HOT}.boundary\n"  # noqa: S608 (names of ours)
        f"SET loaded_from = {first},\n"
        "    loaded_until = (\n"
        f"      SELECT CASE WHEN MAX(published_through) >= {last} THEN {last}\n"
        f"                  ELSE COALESCE(MAX(published_through), {first}) END\n"
        f"      FROM {_ARRIVING}\n"
        "    );\n\n"
        f"UPDATE {HOT}.boundary\n"
        "SET hot_from = CASE WHEN hot_from = hot_until THEN loaded_from ELSE LEAST(hot_from, loaded_from) END,\n"
        "    hot_until = CASE WHEN hot_from = hot_until THEN loaded_until ELSE GREATEST(hot_until, loaded_until) END\n"
        "WHERE loaded_until > loaded_from\n"
        "  AND (hot_from = hot_until OR (loaded_from <= hot_until AND loaded_until >= hot_from));"
    )


def _clear(blanks: Blanks) -> str:
    return f"DELETE FROM {FACTS.name}\nWHERE {_within(blanks, 'event_timestamp')};"  # noqa: S608 (names of ours)


def _load_hours(blanks: Blanks) -> str:
    copied = (
        f"INSERT INTO {FACTS.name} (\n{names_sql(FACTS.table)}\n)\n"
        f"SELECT\n{read_sql(FACTS.table)}\n"
        f"FROM {LAKE}.{FACTS.table.name}\n"
        f"WHERE {_within(blanks, 'event_timestamp')}\n"
        f"  AND {days_sql(blanks)};"
    )
    return _script(
        _ALONE,
        _arriving_from_lake(),
        _note_versions(blanks),
        _clear(blanks),
        copied,
        _move_boundary(blanks),
        before=(SERIALIZED,),
    )


def _load_from_manifest(blanks: Blanks) -> str:
    address = manifest_address(blanks)
    arriving = (
        f"DROP TABLE IF EXISTS {_ARRIVING};\n\n"
        f"CREATE TEMP TABLE {_ARRIVING} (\n"
        "  event_hour TIMESTAMP, version BIGINT, facts BIGINT, published_through TIMESTAMP\n"
        ");\n\n"
        f"COPY {_ARRIVING}\nFROM '{address}.hours.jsonl'\nIAM_ROLE {blanks.role_sql}\n"
        "FORMAT AS JSON 'auto' TIMEFORMAT 'auto';"
    )
    copied = (
        f"COPY {FACTS.name}\nFROM '{address}.manifest'\nIAM_ROLE {blanks.role_sql}\n"
        "FORMAT AS PARQUET SERIALIZETOJSON MANIFEST;"
    )
    return _script(_ALONE, arriving, _note_versions(blanks), _clear(blanks), copied, _move_boundary(blanks))


def _whole(table: HotTable) -> str:
    return (
        f"DELETE FROM {table.name};\n\n"  # noqa: S608 (names of ours)
        f"INSERT INTO {table.name} (\n{names_sql(table.table)}\n)\n"
        f"SELECT\n{read_sql(table.table)}\nFROM {LAKE}.{table.table.name};"
    )


def _load_users(blanks: Blanks) -> str:
    del blanks
    return _script(_ALONE, *map(_whole, (USERS, USERS_HISTORY)), before=(SERIALIZED,))


def _load_user_agents(blanks: Blanks) -> str:
    del blanks
    return _script(_ALONE, _whole(USER_AGENTS))


def _refresh(blanks: Blanks) -> str:
    del blanks
    repaired = (
        "DROP TABLE IF EXISTS repaired_hours;\n\n"
        "CREATE TEMP TABLE repaired_hours AS\n"
        f"SELECT event_hour, version, facts FROM {HOT}.stale_hours;"
    )
    noted = (
        f"DELETE FROM {HOT}.loaded_hours\n"  # noqa: S608 (names of ours)
        "WHERE event_hour IN (SELECT event_hour FROM repaired_hours);\n\n"
        f"INSERT INTO {HOT}.loaded_hours (event_hour, version, facts)\n"
        "SELECT event_hour, version, facts FROM repaired_hours;"
    )
    cleared = (
        f"DELETE FROM {FACTS.name}\n"  # noqa: S608 (names of ours)
        "WHERE DATE_TRUNC('hour', event_timestamp) IN (SELECT event_hour FROM repaired_hours);"
    )
    copied = (
        f"INSERT INTO {FACTS.name} (\n{names_sql(FACTS.table)}\n)\n"  # noqa: S608 (names of ours)
        f"SELECT\n{read_sql(FACTS.table, 'f.')}\n"
        f"FROM {LAKE}.{FACTS.table.name} AS f\n"
        "JOIN repaired_hours AS r\n"
        "  ON f.year = EXTRACT(year FROM r.event_hour) AND f.month = EXTRACT(month FROM r.event_hour)\n"
        "  AND f.day = EXTRACT(day FROM r.event_hour) AND f.hour = EXTRACT(hour FROM r.event_hour)\n"
        "WHERE f.event_timestamp >= (SELECT MIN(event_hour) FROM repaired_hours);"
    )
    return _script(_ALONE, repaired, noted, cleared, copied, before=(SERIALIZED,))


def _retention(blanks: Blanks) -> str:
    del blanks
    moved = (
        f"UPDATE {HOT}.boundary\n"
        f"SET hot_from = GREATEST(hot_from, DATEADD(day, -{RETENTION_DAYS}, hot_until)), moved_at = GETDATE();"
    )
    forgotten = "\n\n".join(
        f"DELETE FROM {table}\nWHERE {column} < (SELECT hot_from FROM {HOT}.boundary);"  # noqa: S608 (names of ours)
        for table, column in ((FACTS.name, "event_timestamp"), (f"{HOT}.loaded_hours", "event_hour"))
    )
    return _script(moved, forgotten, after=(f"VACUUM DELETE ONLY {FACTS.name};",))


_AGAIN = (
    "Run it again after any failure: it is one transaction, it takes away what it brings, and readers see all of it or "
    "nothing. The hours are those of its two timestamps, the second one not included; "
    "`clickstream sql show NAME --from HOUR --to HOUR` writes others in."
)

FILES = (
    SqlFile(
        "redshift",
        "load_hours",
        "Loads hours of facts from the lake by INSERT ... SELECT, and has the hot range reach over them.",
        (
            _AGAIN,
            "The order matters: versions are read before facts, so that an hour which is repaired meanwhile is seen "
            "to be stale. The hot range grows where the hours touch it, and not beyond what is published in full; "
            "hours apart from it are loaded, but go on to be answered by the lake.",
            "Spectrum cuts a text at 16,384 bytes, and gives a map as JSON of at most 65,535.",
        ),
        _load_hours,
    ),
    SqlFile(
        "redshift",
        "load_from_manifest",
        "Loads hours of facts by COPY from the data files of a snapshot, and has the hot range reach over them.",
        (
            "First: `clickstream redshift-manifest --table fact_clicks --from HOUR --to HOUR`, with --out at the "
            "address of the manifest below and --hours-out at that of the hours. COPY from the table's folder would "
            "load files that a later one has replaced. The address lies where Redshift's role may read and "
            "`clickstream maintain` removes nothing.",
            _AGAIN,
            "A manifest without entries has COPY fail, and all stays as it was: hours without a fact are for "
            "load_hours.sql. A text of over 16,384 bytes has it fail as well: that hour, too.",
        ),
        _load_from_manifest,
    ),
    SqlFile(
        "redshift",
        "load_users",
        "Loads the users and their history from the lake, whole.",
        (
            "DELETE and not TRUNCATE, which would commit: readers never find the tables empty. Run it after facts "
            "were loaded; until then the newest users have facts and no row, so join them by LEFT JOIN.",
        ),
        _load_users,
    ),
    SqlFile(
        "redshift",
        "load_user_agents",
        "Loads what the user agents tell from the lake, whole.",
        ("Run it after `clickstream enrich`, which makes the table: before the first time there is nothing to load.",),
        _load_user_agents,
    ),
    SqlFile(
        "redshift",
        "refresh_repaired_hours",
        "Loads again each hot hour whose version in the lake is another than the one that was loaded.",
        (
            "Late events, rollbacks, and hours that were published after the boundary had passed them. "
            "hot.stale_hours says which. Nothing stale is nothing done. Where few hours are stale, load_hours.sql for "
            "each reads less of the lake.",
        ),
        _refresh,
    ),
    SqlFile(
        "redshift",
        "retention",
        f"Lets go of hot facts that are older than {RETENTION_DAYS} days; the lake goes on to answer for them.",
        (
            "Days count from the end of the hot range, not from now: a warehouse that was not loaded for a while "
            "loses nothing. The boundary moves in the same transaction, so no hour is in both or in neither. VACUUM "
            "gives the room back; it cannot be in a transaction.",
        ),
        _retention,
    ),
)
