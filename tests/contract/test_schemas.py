"""The Avro schemas are the source: every other field list is compared with them."""

import json
import types
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import pyarrow as pa
import pytest
import sqlglot
from sqlglot import exp

from schemas import avsc, hive
from schemas.alert import PurchaseAlert
from schemas.dead_letter import DeadLetter
from schemas.errors import ConfigError
from schemas.event import ClickEvent
from schemas.tables import FACT_CLICKS, HOUR_PARTITION, TABLES, TIMESTAMP

STRUCTS = {avsc.CLICK_EVENT: ClickEvent, avsc.PURCHASE_ALERT: PurchaseAlert, avsc.DEAD_LETTER: DeadLetter}
PYTHON_TYPES: dict[Any, str] = {str: "string", int: "long", bool: "boolean", dict: "map"}


def plain_type(avro_type: Any) -> tuple[str, bool]:
    """Return (type name, optional) of a field's Avro type."""
    if isinstance(avro_type, list):
        return plain_type(next(branch for branch in avro_type if branch != "null"))[0], True
    return (avro_type["type"] if isinstance(avro_type, dict) else avro_type), False


def struct_type(hint: Any) -> tuple[str, bool]:
    if get_origin(hint) in (Union, types.UnionType):
        return struct_type(next(branch for branch in get_args(hint) if branch is not type(None)))[0], True
    return PYTHON_TYPES.get(get_origin(hint) or hint, "string"), False


@pytest.mark.parametrize("name", avsc.NAMES)
def test_a_struct_has_the_fields_of_its_schema_in_order(name: str) -> None:
    struct = STRUCTS[name]
    hints = get_type_hints(struct)
    ours = [(field.removesuffix("_us"), *struct_type(hints[field])) for field in struct.__struct_fields__]
    declared = [(field["name"], *plain_type(field["type"])) for field in avsc.fields_of(name)]
    assert ours == [(field, "long" if kind == "int" else kind, optional) for field, kind, optional in declared]


@pytest.mark.parametrize("name", avsc.NAMES)
def test_every_field_says_what_it_is(name: str) -> None:
    assert all(field["doc"] for field in avsc.fields_of(name))


def test_the_facts_have_every_field_of_the_event_with_its_type() -> None:
    for field in avsc.fields_of(avsc.CLICK_EVENT):
        column = FACT_CLICKS.schema.field("click_id" if field["name"] == "event_id" else field["name"])
        kind, optional = plain_type(field["type"])
        expected = {"string": pa.string(), "long": pa.int64(), "map": pa.map_(pa.string(), pa.string())}[kind]
        assert column.type == (TIMESTAMP if field["name"] == "event_timestamp" else expected)
        assert column.nullable is optional


def test_tables_partition_and_order_by_columns_that_they_have() -> None:
    for table in TABLES:
        assert {*table.partition, *table.order} <= set(table.schema.names)
        assert all(column.metadata[b"doc"] for column in table.schema)


def test_the_raw_table_has_the_event_on_the_wire_and_its_aliases() -> None:
    table = sqlglot.parse_one(hive.raw_table_ddl("raw_db", "raw-bucket"), read="athena")
    assert isinstance(table, exp.Create)
    names = [column.name for column in table.this.expressions if isinstance(column, exp.ColumnDef)]
    declared = [[field["name"], *field.get("aliases", [])] for field in avsc.fields_of(avsc.CLICK_EVENT)]
    assert names == [name for names in declared for name in names]
    assert dict(hive.raw_columns())["event_timestamp"] == "string"


def test_glue_takes_the_raw_table_as_athena_would_have_made_it() -> None:
    made = hive.raw_glue_table("raw-bucket")
    ddl = hive.raw_table_ddl("raw_db", "raw-bucket")
    storage = made["StorageDescriptor"]
    assert [(column["Name"], column["Type"]) for column in storage["Columns"]] == hive.raw_columns()
    assert f"LOCATION '{storage['Location']}'" in ddl
    assert f"'{storage['SerdeInfo']['SerializationLibrary']}'" in ddl
    properties = {
        name: value for name, value in made["Parameters"].items() if name not in ("EXTERNAL", "classification")
    }
    assert all(f"'{name}' = '{value}'" in ddl for name, value in properties.items())


def test_the_raw_view_gives_one_column_a_field_and_the_partitions() -> None:
    view = sqlglot.parse_one(hive.raw_view_sql("raw_db"), read="athena")
    expected = [field["name"] for field in avsc.fields_of(avsc.CLICK_EVENT)]
    assert view.expression.named_selects == [*expected, *HOUR_PARTITION]


@pytest.mark.parametrize("name", avsc.NAMES)
def test_what_we_write_is_valid_by_the_schema(name: str) -> None:
    fastavro = pytest.importorskip("fastavro")
    samples: dict[str, msgspec.Struct] = {
        avsc.CLICK_EVENT: ClickEvent(event_id="e", user_id="u", session_id="s", event_type="t", event_timestamp_us=1),
        avsc.PURCHASE_ALERT: PurchaseAlert(
            event_id="e", event_type="t", user_id="u", session_id="s", event_timestamp="x", arrival_timestamp="y"
        ),
        avsc.DEAD_LETTER: DeadLetter(
            reason="r", detail="d", stage="decode", attempts=1, arrival_timestamp="x", payload_bytes=0
        ),
    }
    record = msgspec.to_builtins(samples[name])
    if name == avsc.CLICK_EVENT:
        record["event_timestamp"] = record.pop("event_timestamp_us")
    fastavro.validate(record, fastavro.parse_schema(json.loads(avsc.schema_text(name))), strict=True)


def changed(**new_field: Any) -> str:
    schema = json.loads(avsc.schema_text(avsc.CLICK_EVENT))
    schema["fields"].append(new_field)
    return json.dumps(schema)


def without(name: str) -> str:
    schema = json.loads(avsc.schema_text(avsc.CLICK_EVENT))
    schema["fields"] = [field for field in schema["fields"] if field["name"] != name]
    return json.dumps(schema)


CURRENT = avsc.schema_text(avsc.CLICK_EVENT)


@pytest.mark.parametrize(
    ("new", "verdict"),
    [
        (CURRENT, "full"),
        (changed(name="added", type=["null", "string"], default=None), "full"),
        (changed(name="added", type="string"), "forward"),
        (without("device_type"), "full"),
        (without("user_id"), "backward"),
        (CURRENT.replace('"name": "user_id", "type": "string"', '"name": "user_id", "type": "long"'), "none"),
    ],
)
def test_a_change_of_schema_gets_its_verdict(new: str, verdict: str) -> None:
    result = avsc.compatibility(CURRENT, new)
    assert result.verdict == verdict
    assert bool(result.problems) is (verdict != "full")


def test_a_schema_that_is_none_is_told() -> None:
    with pytest.raises(ConfigError, match="the new schema is not valid Avro"):
        avsc.compatibility(CURRENT, '{"type": "record"}')
