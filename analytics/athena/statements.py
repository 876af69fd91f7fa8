"""A statement as Athena takes it -> what there is to do, on Trino and in Glue.

Queries stay as they are, to the letter: what Trino says of them, Athena says too, but for what is listed in
`docs/trino.md`. What Trino takes and Athena does not is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable

from analytics.athena.changes import (
    AddPartitions,
    ChangeTable,
    CreateDatabase,
    DropDatabase,
    DropPartitions,
    ListPartitions,
    OnTrino,
    Partition,
    Step,
)
from analytics.athena.hive_tables import (
    read_columns,
    read_external_table,
    read_location,
    read_properties,
)
from analytics.athena.lexing import Reader
from analytics.athena.written_tables import (
    HIVE,
    ICEBERG,
    literal,
    quoted,
    read_ctas,
    read_iceberg_table,
    read_unload,
)
from schemas.errors import ConfigError

# Source: Athena user guide, "DML queries, functions, and operators" and "DDL statements".
_AS_IT_IS = ("SELECT", "WITH", "VALUES", "(", "TABLE", "INSERT", "UPDATE", "DELETE", "MERGE")
_ABOUT_QUERIES = ("EXPLAIN", "PREPARE", "EXECUTE", "DEALLOCATE")
# What a user of Trino knows, and Athena has not.
_REFUSED = {
    ("WITH", "FUNCTION"): "functions in a query",
    ("CREATE", "FUNCTION"): "functions of one's own",
    ("CREATE", "OR", "REPLACE", "FUNCTION"): "functions of one's own",
    ("CREATE", "MATERIALIZED"): "materialized views",
    ("CREATE", "OR", "REPLACE", "MATERIALIZED"): "materialized views",
    ("CREATE", "OR", "REPLACE", "TABLE"): "CREATE OR REPLACE TABLE",
    ("CREATE", "TEMPORARY"): "temporary tables",
    ("CREATE", "TEMP"): "temporary tables",
    ("CREATE", "ROLE"): "roles: Lake Formation and IAM have them",
    ("REFRESH",): "materialized views",
    ("CALL",): "CALL",
    ("ANALYZE",): "ANALYZE: Glue computes statistics",
    ("COMMENT",): "COMMENT",
    ("TRUNCATE",): "TRUNCATE",
    ("GRANT",): "GRANT: Lake Formation and IAM have it",
    ("REVOKE",): "REVOKE: Lake Formation and IAM have it",
    ("DENY",): "DENY",
    ("SET",): "SET",
    ("RESET",): "RESET",
    ("USE",): "USE: a query is run in a database",
    ("START",): "transactions over statements",
    ("COMMIT",): "transactions over statements",
    ("ROLLBACK",): "transactions over statements",
    ("SHOW", "STATS"): "SHOW STATS",
    ("SHOW", "FUNCTIONS"): "SHOW FUNCTIONS",
    ("SHOW", "SESSION"): "SHOW SESSION",
    ("SHOW", "GRANTS"): "SHOW GRANTS",
    ("SHOW", "CATALOGS"): "SHOW CATALOGS",
}
# Source: Athena user guide, "Create Iceberg tables": vacuum_max_snapshot_age_seconds is 432,000 where it is not set.
_VACUUM_AGE = "5d"


def steps_of(sql: str, database: str) -> tuple[Step, ...]:
    """Return what there is to do for one statement of Athena's, in order.

    Args:
        sql: the statement, perhaps with comments and a semicolon at its end.
        database: what an unqualified table belongs to.

    Raises:
        ConfigError: there is not one statement, or it is none of Athena's, or one that nothing here does.
    """
    reader = Reader(sql)
    for words, what in _REFUSED.items():
        if reader.sees(*words):
            raise ConfigError(f"Athena has no {what}")
    if any(map(reader.sees, _AS_IT_IS + _ABOUT_QUERIES)):
        return (OnTrino(reader.statement),)
    for words, read in _READERS.items():
        if reader.sees(*words):
            reader.expect(*words)
            return read(reader, database)
    raise reader.fault("a statement of Athena's is expected")


def _create_table(reader: Reader, database: str) -> tuple[Step, ...]:
    """Read either kind: what follows the name says which."""
    ahead = Reader(reader.rest)
    ahead.accept("IF", "NOT", "EXISTS")
    ahead.table(database)
    return (read_iceberg_table if ahead.sees("(") else read_ctas)(reader, database)


def _create_external_table(reader: Reader, database: str) -> tuple[Step, ...]:
    return (read_external_table(reader, database),)


def _create_view(reader: Reader, database: str) -> tuple[Step, ...]:
    return (OnTrino(reader.statement),)


def _create_database(reader: Reader, database: str) -> tuple[Step, ...]:
    unless_there = reader.accept("IF", "NOT", "EXISTS")
    found: dict[str, object] = {"Name": reader.name()}
    if reader.accept("COMMENT"):
        found["Description"] = reader.text()
    if reader.accept("LOCATION"):
        found["LocationUri"] = read_location(reader)
    if reader.accept("WITH", "DBPROPERTIES"):
        found["Parameters"] = read_properties(reader)
    reader.end()
    return (CreateDatabase(found, unless_there),)


def _drop_database(reader: Reader, database: str) -> tuple[Step, ...]:
    if_there = reader.accept("IF", "EXISTS")
    name = reader.name()
    with_tables = reader.accept("CASCADE")
    if not with_tables:
        reader.accept("RESTRICT")
    reader.end()
    return (DropDatabase(name, if_there, with_tables),)


def _drop(kind: str) -> Callable[[Reader, str], tuple[Step, ...]]:
    def drop(reader: Reader, database: str) -> tuple[Step, ...]:
        if_there = " IF EXISTS" if reader.accept("IF", "EXISTS") else ""
        table = quoted(HIVE, *reader.table(database))
        reader.end()
        return (OnTrino(f"DROP {kind}{if_there} {table}"),)

    return drop


def _alter_table(reader: Reader, database: str) -> tuple[Step, ...]:
    database, table = reader.table(database)
    step: Step
    if reader.accept("ADD", "COLUMNS"):
        step = ChangeTable(database, table, more_columns=tuple(read_columns(reader)))
    elif reader.accept("REPLACE", "COLUMNS"):
        step = ChangeTable(database, table, columns=tuple(read_columns(reader)))
    elif reader.accept("SET", "LOCATION"):
        step = ChangeTable(database, table, location=read_location(reader))
    elif reader.accept("SET", "TBLPROPERTIES"):
        step = ChangeTable(database, table, properties=read_properties(reader))
    elif reader.accept("ADD"):
        unless_there = reader.accept("IF", "NOT", "EXISTS")
        step = AddPartitions(database, table, _partitions(reader, may_have_location=True), unless_there)
    elif reader.accept("DROP"):
        if_there = reader.accept("IF", "EXISTS")
        step = DropPartitions(database, table, _partitions(reader, may_have_location=False), if_there)
    else:
        raise reader.fault("ADD, DROP, REPLACE COLUMNS, SET LOCATION or SET TBLPROPERTIES is expected")
    reader.end()
    return (step,)


def _partitions(reader: Reader, may_have_location: bool) -> tuple[Partition, ...]:
    found: list[Partition] = []
    while not found or not reader.is_done():
        if found and not may_have_location:
            reader.expect(",")
        reader.expect("PARTITION")
        values = _partition_values(reader)
        location = read_location(reader) if may_have_location and reader.accept("LOCATION") else None
        found.append(Partition(values, location))
    return tuple(found)


def _partition_values(reader: Reader) -> dict[str, str]:
    values: dict[str, str] = {}
    reader.expect("(")
    while True:
        fault = reader.fault("a partition column that was not named before is expected")
        name = reader.name()
        if name in values:
            raise fault
        reader.expect("=")
        values[name] = reader.value()
        if not reader.accept(","):
            break
    reader.expect(")")
    return values


def _repair(reader: Reader, database: str) -> tuple[Step, ...]:
    database, table = reader.table(database)
    reader.end()
    # Athena adds what it finds, and takes nothing away.
    asked = f"{literal(database)}, {literal(table)}, 'ADD'"
    return (OnTrino(f"CALL {quoted(HIVE, 'system')}.sync_partition_metadata({asked})"),)


def _optimize(reader: Reader, database: str) -> tuple[Step, ...]:
    table = quoted(ICEBERG, *reader.table(database))
    reader.expect("REWRITE", "DATA", "USING", "BIN_PACK")
    where = f" {reader.rest}" if reader.sees("WHERE") else ""
    if not where:
        reader.end()
    return (OnTrino(f"ALTER TABLE {table} EXECUTE optimize{where}"),)


def _vacuum(reader: Reader, database: str) -> tuple[Step, ...]:
    table = quoted(ICEBERG, *reader.table(database))
    reader.end()
    asked = f"retention_threshold => '{_VACUUM_AGE}'"
    return tuple(
        OnTrino(f"ALTER TABLE {table} EXECUTE {what}({asked})") for what in ("expire_snapshots", "remove_orphan_files")
    )


def _describe(reader: Reader, database: str) -> tuple[Step, ...]:
    table = quoted(HIVE, *reader.table(database))
    reader.end()
    return (OnTrino(f"DESCRIBE {table}"),)


def _show_columns(reader: Reader, database: str) -> tuple[Step, ...]:
    if not reader.accept("FROM"):
        reader.expect("IN")
    return _describe(reader, database)


def _show_partitions(reader: Reader, database: str) -> tuple[Step, ...]:
    database, table = reader.table(database)
    reader.end()
    return (ListPartitions(database, table),)


def _show_tables(reader: Reader, database: str) -> tuple[Step, ...]:
    if reader.accept("IN") or reader.accept("FROM"):
        database = reader.name()
    reader.end()
    return (OnTrino(f"SHOW TABLES FROM {quoted(HIVE, database)}"),)


def _show_databases(reader: Reader, database: str) -> tuple[Step, ...]:
    reader.end()
    return (OnTrino(f"SHOW SCHEMAS FROM {quoted(HIVE)}"),)


def _show_create(kind: str) -> Callable[[Reader, str], tuple[Step, ...]]:
    def show(reader: Reader, database: str) -> tuple[Step, ...]:
        table = quoted(HIVE, *reader.table(database))
        reader.end()
        return (OnTrino(f"SHOW CREATE {kind} {table}"),)

    return show


_READERS: dict[tuple[str, ...], Callable[[Reader, str], tuple[Step, ...]]] = {
    ("CREATE", "EXTERNAL", "TABLE"): _create_external_table,
    ("CREATE", "TABLE"): _create_table,
    ("CREATE", "VIEW"): _create_view,
    ("CREATE", "OR", "REPLACE", "VIEW"): _create_view,
    ("CREATE", "DATABASE"): _create_database,
    ("CREATE", "SCHEMA"): _create_database,
    ("DROP", "DATABASE"): _drop_database,
    ("DROP", "SCHEMA"): _drop_database,
    ("DROP", "TABLE"): _drop("TABLE"),
    ("DROP", "VIEW"): _drop("VIEW"),
    ("ALTER", "TABLE"): _alter_table,
    ("MSCK", "REPAIR", "TABLE"): _repair,
    ("OPTIMIZE",): _optimize,
    ("VACUUM",): _vacuum,
    ("UNLOAD",): read_unload,
    ("DESCRIBE",): _describe,
    ("DESC",): _describe,
    ("SHOW", "COLUMNS"): _show_columns,
    ("SHOW", "PARTITIONS"): _show_partitions,
    ("SHOW", "TABLES"): _show_tables,
    ("SHOW", "DATABASES"): _show_databases,
    ("SHOW", "SCHEMAS"): _show_databases,
    ("SHOW", "CREATE", "TABLE"): _show_create("TABLE"),
    ("SHOW", "CREATE", "VIEW"): _show_create("VIEW"),
}
