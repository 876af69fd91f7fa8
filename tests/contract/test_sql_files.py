"""The files of `analytics/sql` are what the definitions render, and are what their engines take.

sqlglot parses what it can. It is no validator, and of Redshift it misreads some and gives up on more, so that what
matters of those is checked here by reading the text: columns, types, order, statements, brackets.
"""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest
import sqlglot
from sqlglot import exp

from analytics.rendering import redshift_tables, redshift_types
from analytics.rendering.__main__ import DOCUMENTS, SQL, with_files
from analytics.rendering.athena_raw import PARTITIONED_TABLE
from analytics.rendering.blanks import EXAMPLE, Blanks, days_sql
from analytics.rendering.catalog import FILES
from analytics.rendering.sql_files import SqlFile
from schemas import hive, tables
from schemas.instants import parse_instant_us
from schemas.lake import RAW_PREFIX, hour_folder
from tests.sql_statements import is_whole, statements_of

ROOT = Path(__file__).parents[2]
ATHENA = [file for file in FILES if file.folder == "athena"]
REDSHIFT = [file for file in FILES if file.folder == "redshift"]
# What sqlglot leaves as a command it does not know.
COMMANDS = {"raw_add_partitions", "raw_repair_partitions"}
BY_NAME = {file.name: file for file in FILES}


def named(file: SqlFile) -> str:
    return file.path


@pytest.mark.parametrize("file", FILES, ids=named)
def test_a_file_is_what_is_rendered(file: SqlFile) -> None:
    assert (SQL / file.path).read_text(encoding="utf-8") == file.text(), "run `python -m analytics.rendering`"


@pytest.mark.parametrize("folder", DOCUMENTS)
def test_the_document_of_an_engine_lists_its_files(folder: str) -> None:
    text = DOCUMENTS[folder].read_text(encoding="utf-8")
    assert text == with_files(folder, text), "run `python -m analytics.rendering`"


def test_folders_hold_no_file_that_is_not_rendered() -> None:
    for folder in ("athena", "redshift"):
        assert {path.stem for path in (SQL / folder).glob("*.sql")} == {
            file.name for file in FILES if file.folder == folder
        }


@pytest.mark.parametrize("file", FILES, ids=named)
def test_a_file_begins_with_a_sentence_and_fits_a_screen(file: SqlFile) -> None:
    first = file.text().splitlines()[0]
    assert re.fullmatch(r"-- [A-Z].*[^.]\.", first)
    assert all(len(line) <= 120 for line in file.text().splitlines()), [
        line for line in file.text().splitlines() if len(line) > 120
    ]
    assert is_whole(file.text())


@pytest.mark.parametrize("file", FILES, ids=named)
def test_a_file_names_the_deployment_that_it_is_for_and_no_other(file: SqlFile) -> None:
    blanks = Blanks("our-raw", "our-curated", "our_tables", "our_lines", "arn:aws:iam::123456789012:role/reader")
    text = "\n".join(line for line in file.text(blanks).splitlines() if not line.startswith("--"))
    for example in (EXAMPLE.raw_bucket, EXAMPLE.curated_bucket, EXAMPLE.raw_database, "IAM_ROLE default"):
        assert example not in text
    assert not re.search(rf"\b{EXAMPLE.database}\.|'{EXAMPLE.database}'", re.sub(r"'clickstream\.[a-z-]+'", "", text))


@pytest.mark.parametrize("file", ATHENA, ids=named)
def test_a_file_of_athena_is_one_statement_that_parses(file: SqlFile) -> None:
    [statement] = statements_of(file.text())
    assert not statement.endswith(";")
    if file.name in COMMANDS:
        return
    parsed = sqlglot.parse_one(statement, read="athena")
    assert isinstance(parsed, exp.Create | exp.Select), type(parsed)


def test_hours_are_added_where_their_objects_lie() -> None:
    blanks = Blanks(from_us=parse_instant_us("2026-11-30T22:00:00Z"), to_us=parse_instant_us("2026-12-01T02:00:00Z"))
    [statement] = statements_of(BY_NAME["raw_add_partitions"].text(blanks))
    head, *added = statement.split("\n  PARTITION ")
    assert head == f"ALTER TABLE `clickstream_raw`.`{PARTITIONED_TABLE}` ADD IF NOT EXISTS"
    found = [
        re.fullmatch(
            r"\(`year` = '(\d{4})', `month` = '(\d\d)', `day` = '(\d\d)', `hour` = '(\d\d)'\)\s+LOCATION '([^']+)'",
            each.strip(),
        )
        for each in added
    ]
    assert [match and tuple(map(int, match.groups()[:4])) for match in found] == [
        (2026, 11, 30, 22),
        (2026, 11, 30, 23),
        (2026, 12, 1, 0),
        (2026, 12, 1, 1),
    ]
    assert [match and match[5] for match in found] == [
        f"s3://RAW_BUCKET/{RAW_PREFIX}{hour_folder(hour_us)}" for hour_us in blanks.hours
    ]


def test_missing_hours_are_looked_for_in_the_table_that_has_no_projection() -> None:
    [statement] = statements_of(BY_NAME["raw_repair_partitions"].text())
    assert statement == f"MSCK REPAIR TABLE `clickstream_raw`.`{PARTITIONED_TABLE}`"
    [made] = statements_of(BY_NAME["raw_table_without_projection"].text())
    assert f"`clickstream_raw`.`{PARTITIONED_TABLE}`" in made and "projection" not in made
    assert "projection.enabled" in BY_NAME["raw_table"].text()


def test_a_day_as_parquet_has_every_field_of_the_event_and_the_hour_last() -> None:
    [statement] = statements_of(BY_NAME["raw_day_to_parquet"].text())
    created = sqlglot.parse_one(statement, read="athena")
    fields = [name for name, _ in hive.RAW.columns()]
    chosen = created.expression.named_selects
    assert set(chosen) <= {*fields, "event_time", "hour"} and chosen[-1] == "hour"
    assert {field.name for field in tables.FACT_CLICKS.schema} - {"click_id", "year", "month", "day"} - set(chosen) == {
        "source_object",
        "source_line",
    }


@pytest.mark.parametrize(
    ("first", "end", "expected"),
    [
        ("2026-11-24T03", "2026-11-24T05", "(year = 2026 AND month = 11 AND day = 24)"),
        ("2026-11-24T23", "2026-11-26T00", "(year = 2026 AND month = 11 AND day BETWEEN 24 AND 25)"),
        (
            "2026-12-31T00",
            "2027-01-02T01",
            "((year = 2026 AND month = 12 AND day = 31) OR (year = 2027 AND month = 1 AND day BETWEEN 1 AND 2))",
        ),
    ],
)
def test_days_of_hours_are_all_days_that_have_some(first: str, end: str, expected: str) -> None:
    blanks = Blanks(from_us=parse_instant_us(f"{first}:00:00Z"), to_us=parse_instant_us(f"{end}:00:00Z"))
    assert days_sql(blanks) == expected


REDSHIFT_TYPES = {
    pa.bool_(): "BOOLEAN",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.date32(): "DATE",
    tables.TIMESTAMP: "TIMESTAMP",
    pa.binary(): "VARBYTE(64000)",
}


@pytest.mark.parametrize("hot", redshift_tables.HOT_TABLES, ids=lambda hot: str(hot.table.name))
def test_a_hot_table_has_the_columns_of_the_files_in_their_order(hot: redshift_tables.HotTable) -> None:
    [statement] = [each for each in statements_of(BY_NAME["hot_tables"].text()) if f" {hot.name} (" in each]
    found = re.fullmatch(
        r"CREATE TABLE IF NOT EXISTS (\S+) \(\n(.*)\n\)\nDISTSTYLE (?:ALL|KEY DISTKEY \((\w+)\))\nSORTKEY \((.*)\);",
        statement,
        re.DOTALL,
    )
    assert found, statement
    columns = [re.fullmatch(r"  (\w+) +(\w+(?:\(\d+\))?)( NOT NULL)?,?", line) for line in found[2].splitlines()]
    assert [match and match[1] for match in columns] == hot.table.schema.names
    for match, field in zip(columns, hot.table.schema, strict=True):
        assert match
        assert bool(match[3]) is not field.nullable
        if field.type == pa.string():
            assert match[2] == ("VARCHAR(1024)" if field.name == "source_object" else "VARCHAR(16384)")
        else:
            assert match[2] == REDSHIFT_TYPES.get(field.type, "SUPER")
    # Sources: Amazon Redshift developer guide, "SUPER type limitations": neither key may be SUPER.
    keys = [*([found[3]] if found[3] else []), *found[4].split(", ")]
    assert set(keys) <= set(hot.table.schema.names)
    assert not any(redshift_types.is_super(hot.table.schema.field(key).type) for key in keys)


def test_every_column_type_of_the_lake_has_one_of_redshift() -> None:
    for table in tables.TABLES:
        for field in table.schema:
            assert redshift_types.redshift_type(field)


# What sqlglot leaves as a command, or cannot read: by how it begins.
UNREAD = (
    "CREATE EXTERNAL SCHEMA",
    "VACUUM",
    "ANALYZE",
    "GRANT",
    "CREATE ROLE",
    "ALTER DEFAULT PRIVILEGES",
    "COPY",
    "SET",
)


@pytest.mark.parametrize("file", REDSHIFT, ids=named)
def test_statements_of_a_file_of_redshift_parse_and_end(file: SqlFile) -> None:
    found = statements_of(file.text())
    assert found and all(statement.endswith(";") for statement in found)
    for statement in found:
        text = statement.removesuffix(";")
        if not text.startswith(UNREAD):
            assert not isinstance(sqlglot.parse_one(text, read="redshift"), exp.Command), text


@pytest.mark.parametrize(
    "name",
    ["load_hours", "load_from_manifest", "load_users", "load_user_agents", "refresh_repaired_hours", "retention"],
)
def test_what_changes_the_hot_tables_is_one_transaction_that_begins_with_the_boundary(name: str) -> None:
    found = statements_of(BY_NAME[name].text())
    begin, end = found.index("BEGIN;"), found.index("COMMIT;")
    assert found[begin + 1].startswith("UPDATE hot.boundary")
    outside = found[:begin] + found[end + 1 :]
    assert all(statement.startswith(("SET ", "VACUUM ")) for statement in outside)
    # Sources: Amazon Redshift developer guide: TRUNCATE commits, VACUUM cannot be in a transaction.
    assert not any(statement.startswith(("TRUNCATE", "VACUUM")) for statement in found[begin:end])


@pytest.mark.parametrize(("name", "facts"), [("load_hours", "INSERT"), ("load_from_manifest", "COPY")])
def test_versions_are_read_before_facts(name: str, facts: str) -> None:
    found = statements_of(BY_NAME[name].text())
    versions = next(i for i, statement in enumerate(found) if "arriving_hours" in statement and "DROP" not in statement)
    copied = next(
        i
        for i, statement in enumerate(found)
        if statement.startswith(f"{facts} {'INTO ' * (facts == 'INSERT')}hot.fact_clicks")
    )
    assert versions < copied


def test_a_manifest_lies_where_the_role_reads_and_the_upkeep_removes_nothing() -> None:
    from batch_compaction.maintain_orphans import _OURS

    addresses = re.findall(r"FROM 's3://CURATED_BUCKET/([^']+)'", BY_NAME["load_from_manifest"].text())
    assert len(addresses) == 2
    for address in addresses:
        assert address.partition("/")[0] in tables.TABLE_NAMES
        assert not address.endswith(_OURS)
    policy = (ROOT / "infra/terraform/modules/query/warehouse.tf").read_text(encoding="utf-8")
    assert '[for table in module.facts.tables : "${var.curated_bucket.arn}/${table}/*"]' in policy


def test_rights_are_on_the_database_that_terraform_makes() -> None:
    made = (ROOT / "infra/terraform/modules/query/warehouse.tf").read_text(encoding="utf-8")
    assert re.search(rf'db_name +?= "{redshift_tables.WAREHOUSE}"', made)


def test_every_table_that_rights_name_is_made() -> None:
    made = set(
        re.findall(
            r"CREATE (?:OR REPLACE )?(?:TABLE IF NOT EXISTS|VIEW) (hot\.\w+)", "".join(f.text() for f in REDSHIFT)
        )
    )
    named_tables = set(re.findall(r"\bON (hot\.\w+) TO ROLE", BY_NAME["roles"].text()))
    assert named_tables == made
