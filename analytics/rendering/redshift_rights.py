"""For Redshift: upkeep of the hot tables, and who may what."""

from __future__ import annotations

from analytics.rendering.blanks import Blanks
from analytics.rendering.redshift_tables import FACTS, HOT, HOT_TABLES, LAKE, MART, USERS, USERS_HISTORY, WAREHOUSE
from analytics.rendering.sql_files import SqlFile

ANALYST, LOADER, OPERATOR = "clickstream_analyst", "clickstream_loader", "clickstream_operator"


def _maintenance(blanks: Blanks) -> str:
    del blanks
    return "\n\n".join(
        [
            f"VACUUM SORT ONLY {FACTS.name};",
            *(f"VACUUM DELETE ONLY {table.name};" for table in HOT_TABLES),
            *(f"ANALYZE {table.name} PREDICATE COLUMNS;" for table in HOT_TABLES),
            'SELECT "schema", "table", tbl_rows, unsorted, stats_off, size AS size_mb\n'
            "FROM SVV_TABLE_INFO\n"
            f"WHERE \"schema\" = '{HOT}'\n"
            'ORDER BY "table";',
        ]
    )


def _roles(blanks: Blanks) -> str:
    del blanks
    loaded = [*(table.name for table in HOT_TABLES), f"{HOT}.loaded_hours", f"{HOT}.boundary"]
    return "\n\n".join(
        [
            "\n".join(f"CREATE ROLE {role};" for role in (ANALYST, LOADER, OPERATOR)),
            "\n".join(
                [
                    f"GRANT USAGE ON SCHEMA {LAKE} TO ROLE {ANALYST};",
                    f"GRANT USAGE ON SCHEMA {MART} TO ROLE {ANALYST};",
                    f"GRANT SELECT ON ALL TABLES IN SCHEMA {MART} TO ROLE {ANALYST};",
                    f"ALTER DEFAULT PRIVILEGES IN SCHEMA {MART} GRANT SELECT ON TABLES TO ROLE {ANALYST};",
                ]
            ),
            "\n".join(
                [
                    f"GRANT USAGE ON SCHEMA {LAKE} TO ROLE {LOADER};",
                    f"GRANT USAGE ON SCHEMA {HOT} TO ROLE {LOADER};",
                    f"GRANT TEMPORARY ON DATABASE {WAREHOUSE} TO ROLE {LOADER};",
                    *(f"GRANT SELECT, INSERT, DELETE ON {name} TO ROLE {LOADER};" for name in loaded[:-1]),
                    f"GRANT SELECT, UPDATE ON {loaded[-1]} TO ROLE {LOADER};",
                    f"GRANT SELECT ON {HOT}.stale_hours TO ROLE {LOADER};",
                ]
            ),
            "\n".join(
                [
                    f"GRANT ROLE {ANALYST} TO ROLE {OPERATOR};",
                    f"GRANT ROLE {LOADER} TO ROLE {OPERATOR};",
                    f"GRANT CREATE ON SCHEMA {MART} TO ROLE {OPERATOR};",
                    f"GRANT VACUUM TO ROLE {OPERATOR};",
                    f"GRANT ANALYZE TO ROLE {OPERATOR};",
                    f"GRANT ROLE sys:monitor TO ROLE {OPERATOR};",
                ]
            ),
        ]
    )


FILES = (
    SqlFile(
        "redshift",
        "maintenance",
        "Sorts, gives room back, and counts anew what the planner goes by; each statement by itself.",
        (
            "Redshift does all of this by itself when it is idle. After a large load or a refresh of many hours it is "
            "worth doing at once: rows of a reloaded hour lie unsorted at the end, and the deleted ones are read "
            "until VACUUM. Hours that are loaded in order need no sorting. VACUUM cannot be in a transaction. The "
            "last statement says where a table stands: unsorted and stats_off are percentages.",
            f"{USERS.name} and {USERS_HISTORY.name} are replaced whole by each load_users.sql: each "
            "leaves as many deleted rows as there are users.",
        ),
        _maintenance,
    ),
    SqlFile(
        "redshift",
        "roles",
        "Who may what: analysts read, a loader writes the hot tables, an operator looks after them.",
        (
            "Run it once, by an administrator, after the tables and views are made, and not in a transaction: rights "
            "on an external schema cannot be given in one. A person gets them by GRANT ROLE clickstream_analyst TO "
            "name, and reads maps by ALTER USER name SET json_serialization_enable TO true.",
            "Whoever made the views has to have rights on what they read, and keeps them: a view that is not bound is "
            "read by its owner's rights. On an external schema USAGE is the right on all its tables.",
            "Caution: outside of Redshift all of them act as one IAM role, which Terraform makes (modules/query) and "
            "which reads alone. It reads the folders of the tables, of the receipts and of the raw objects, and the "
            "Glue databases of both; UNLOAD, CREATE EXTERNAL TABLE, INSERT into the lake and the database of the "
            "models fail with it. So does COPY of a manifest that lies elsewhere. Do not widen it for one person: "
            "everyone here would have it.",
        ),
        _roles,
    ),
)
