"""For Redshift: the schemas, the hot tables, and the tables that say what is hot."""

from __future__ import annotations

from dataclasses import dataclass

from analytics.rendering.blanks import Blanks
from analytics.rendering.redshift_types import columns_sql
from analytics.rendering.sql_files import SqlFile
from schemas.tables import DIM_USER_AGENTS, DIM_USERS, DIM_USERS_HISTORY, FACT_CLICKS, Table

LAKE, HOT, MART = "lake", "hot", "mart"
WAREHOUSE = "clickstream"  # the database of Redshift that Terraform makes
# Before it no event happened: the codec takes none of earlier years. The hot range of nothing begins and ends here.
NOTHING_HOT = "TIMESTAMP '2000-01-01 00:00:00'"


@dataclass(frozen=True, slots=True)
class HotTable:
    """A table of the lake that is kept in Redshift too.

    Attributes:
        table: its definition.
        spread: DISTSTYLE and DISTKEY.
        order: SORTKEY.
    """

    table: Table
    spread: str
    order: str

    @property
    def name(self) -> str:
        """Its name with the schema."""
        return f"{HOT}.{self.table.name}"

    def ddl(self) -> str:
        """Return CREATE TABLE."""
        return f"CREATE TABLE IF NOT EXISTS {self.name} (\n{columns_sql(self.table)}\n)\n{self.spread}\n{self.order};"


FACTS = HotTable(FACT_CLICKS, "DISTSTYLE KEY DISTKEY (user_id)", "SORTKEY (event_timestamp)")
USERS = HotTable(DIM_USERS, "DISTSTYLE KEY DISTKEY (user_id)", "SORTKEY (user_id)")
USERS_HISTORY = HotTable(DIM_USERS_HISTORY, "DISTSTYLE KEY DISTKEY (user_id)", "SORTKEY (user_id, valid_from)")
# Few rows, and joined with by all facts: a copy on each node. The users are too many for that.
USER_AGENTS = HotTable(DIM_USER_AGENTS, "DISTSTYLE ALL", "SORTKEY (user_agent)")
# Loaded whole, since they are not parted by hours.
DIMENSIONS = (USERS, USERS_HISTORY, USER_AGENTS)
HOT_TABLES = (FACTS, *DIMENSIONS)

_LOADED_HOURS = f"""CREATE TABLE IF NOT EXISTS {HOT}.loaded_hours (
  event_hour TIMESTAMP NOT NULL,
  version    BIGINT,
  facts      BIGINT NOT NULL,
  loaded_at  TIMESTAMP NOT NULL DEFAULT GETDATE()
)
DISTSTYLE ALL
SORTKEY (event_hour);"""

_BOUNDARY = f"""CREATE TABLE IF NOT EXISTS {HOT}.boundary (
  hot_from     TIMESTAMP NOT NULL,
  hot_until    TIMESTAMP NOT NULL,
  loaded_from  TIMESTAMP NOT NULL,
  loaded_until TIMESTAMP NOT NULL,
  moved_at     TIMESTAMP NOT NULL
)
DISTSTYLE ALL;

INSERT INTO {HOT}.boundary (hot_from, hot_until, loaded_from, loaded_until, moved_at)
SELECT nothing, nothing, nothing, nothing, GETDATE()
FROM (SELECT {NOTHING_HOT} AS nothing) AS range_of
WHERE NOT EXISTS (SELECT 1 FROM {HOT}.boundary);"""  # noqa: S608 (names of ours)


def _external_schema(blanks: Blanks) -> str:
    return (
        f"CREATE EXTERNAL SCHEMA IF NOT EXISTS {LAKE}\n"
        f"FROM DATA CATALOG DATABASE '{blanks.database}'\n"
        f"IAM_ROLE {blanks.role_sql};\n\n"
        f"CREATE SCHEMA IF NOT EXISTS {HOT};\n\n"
        f"CREATE SCHEMA IF NOT EXISTS {MART};"
    )


def _hot_tables(blanks: Blanks) -> str:
    del blanks
    return "\n\n".join([*(table.ddl() for table in HOT_TABLES), _LOADED_HOURS, _BOUNDARY])


FILES = (
    SqlFile(
        "redshift",
        "external_schema",
        "The lake's tables as the schema lake, and the two schemas of Redshift's own: hot tables, and what analysts "
        "ask.",
        (
            "Run it once, first, and not in a transaction. The tables of the Glue database appear by themselves, also "
            "those to come. Redshift knows no partition projection: the tables over JSON lines are asked on Athena.",
            "Maps and lists of the lake are read as JSON text in a session that says SET json_serialization_enable TO "
            "true.",
        ),
        _external_schema,
    ),
    SqlFile(
        "redshift",
        "hot_tables",
        "The tables that are kept in Redshift: recent facts, the dimensions, which hours are loaded, and what is hot.",
        (
            "Columns are those of the data files, in their order, so that COPY can fill them by place. All are spread "
            "by user_id: a join of facts with users, or of a user's events with each other, needs no data of another "
            "node. Facts are sorted by event_timestamp, by which a condition on time reads few blocks. Encodings are "
            "Redshift's choice.",
            "loaded_hours: the version of each hour that was loaded, as the table hours of the lake numbers them; "
            "null for an hour that holds nothing. boundary is one row: facts from hot_from on and before hot_until "
            "are answered by the hot table, all others by the lake. Both are equal while nothing is hot. loaded_from "
            "and loaded_until are the hours of the last load. Never delete the row.",
        ),
        _hot_tables,
    ),
)
