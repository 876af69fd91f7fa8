"""What the dbt project and the Python beside it both say is the same; and the views over copied files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]

from analytics.enrichment.channels import CHANNEL_RULES
from analytics.modelling.dbt import PROJECT, TARGETS, Dbt
from analytics.modelling.views import SOURCES, source_tables, view_statement
from schemas.errors import ConfigError


def project() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    return loaded


def test_the_version_of_the_channels_is_that_of_the_seed() -> None:
    assert project()["vars"]["channel_rules"] == CHANNEL_RULES


def test_each_target_is_one_of_the_profile() -> None:
    profile = yaml.safe_load((PROJECT / "profiles.yml").read_text(encoding="utf-8"))["clickstream"]
    assert sorted(profile["outputs"]) == sorted(TARGETS)
    assert profile["target"] == "duckdb"


def test_a_target_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'oracle' is none of duckdb, athena, redshift"):
        Dbt("oracle", tmp_path).check()


@pytest.mark.parametrize("name", SOURCES)
def test_a_table_that_was_never_published_is_a_view_without_rows(name: str) -> None:
    [table] = [table for table in source_tables() if table.name == name]
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA lake")
    connection.execute(view_statement(table, "lake", []))
    empty = connection.sql(f"SELECT * FROM lake.{name}").to_arrow_table()
    assert empty.schema.names == table.schema.names
    assert [str(kind) for kind in empty.schema.types] == [str(kind) for kind in table.schema.types]
    assert len(empty) == 0


def test_a_view_has_the_columns_of_its_table_whatever_its_folder_is_called(tmp_path: Path) -> None:
    [table] = [table for table in source_tables() if table.name == "hours"]
    folder = tmp_path / "it's" / "year=2026" / "month=03" / "day=01"
    folder.mkdir(parents=True)
    pq.write_table(table.schema.empty_table(), folder / "a.parquet")
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA lake")
    connection.execute(view_statement(table, "lake", [folder / "a.parquet"]))
    read = connection.sql("SELECT * FROM lake.hours").to_arrow_table()
    assert [(field.name, str(field.type)) for field in read.schema] == [
        (field.name, str(field.type)) for field in table.schema
    ]
