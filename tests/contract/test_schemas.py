"""The Avro schemas are the source: every other field list is compared with them."""

import json
import types
from typing import Any, Union, get_args, get_origin, get_type_hints

import duckdb
import msgspec
import pyarrow as pa
import pytest
import sqlglot
from sqlglot import exp

from schemas import avsc, hive
from schemas.alert import PurchaseAlert, alert_of
from schemas.attestation import Attestation
from schemas.codec import encode
from schemas.dead_letter import DeadLetter
from schemas.errors import ConfigError
from schemas.event import ClickEvent
from schemas.kinesis_record import KinesisRecord
from schemas.receipt import Receipt, receipt_of
from schemas.tables import FACT_CLICKS, HOUR_PARTITION, TABLES, TIMESTAMP
from tests.attestations import ATTESTATION, attestation_line

STRUCTS = {
    avsc.CLICK_EVENT: ClickEvent,
    avsc.PURCHASE_ALERT: PurchaseAlert,
    avsc.RECEIPT: Receipt,
    avsc.DEAD_LETTER: DeadLetter,
    avsc.ATTESTATION: Attestation,
    avsc.KINESIS_RECORD: KinesisRecord,
}
PYTHON_TYPES: dict[Any, str] = {
    str: "string",
    bytes: "bytes",
    int: "long",
    float: "double",
    bool: "boolean",
    dict: "map",
}
HIVE_TABLES = [hive.RAW, hive.RECEIPTS]


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


@pytest.mark.parametrize("table", HIVE_TABLES, ids=lambda table: table.name)
def test_a_hive_table_has_the_fields_of_its_schema_and_their_aliases(table: hive.HiveTable) -> None:
    created = sqlglot.parse_one(table.ddl("raw_db", "a-bucket"), read="athena")
    assert isinstance(created, exp.Create)
    names = [column.name for column in created.this.expressions if isinstance(column, exp.ColumnDef)]
    declared = [[field["name"], *field.get("aliases", [])] for field in avsc.fields_of(table.schema)]
    assert names == [name for names in declared for name in names]
    assert dict(table.columns())["event_timestamp"] == "string"


@pytest.mark.parametrize("table", HIVE_TABLES, ids=lambda table: table.name)
def test_glue_takes_a_hive_table_as_athena_would_have_made_it(table: hive.HiveTable) -> None:
    made = table.glue_table("a-bucket")
    ddl = table.ddl("raw_db", "a-bucket")
    storage = made["StorageDescriptor"]
    assert [(column["Name"], column["Type"]) for column in storage["Columns"]] == table.columns()
    assert f"LOCATION '{storage['Location']}'" in ddl
    assert f"'{storage['SerdeInfo']['SerializationLibrary']}'" in ddl
    properties = {
        name: value for name, value in made["Parameters"].items() if name not in ("EXTERNAL", "classification")
    }
    assert all(f"'{name}' = '{value}'" in ddl for name, value in properties.items())


def test_the_raw_table_and_the_receipts_lie_where_they_are_written() -> None:
    raw, receipts = hive.raw_glue_table("raw-bucket"), hive.receipts_glue_table("curated-bucket")
    assert (raw["Name"], receipts["Name"]) == ("click_events_raw", "purchase_receipts")
    assert raw["StorageDescriptor"]["Location"] == "s3://raw-bucket/clickstream/"
    location = receipts["StorageDescriptor"]["Location"]
    assert location == "s3://curated-bucket/purchases/"
    template = receipts["Parameters"]["storage.location.template"]
    assert template == location + "year=${year}/month=${month}/day=${day}/hour=${hour}/"
    assert f"`raw_db`.`{hive.RAW_TABLE}`" in hive.RAW.ddl("raw_db", "raw-bucket")
    assert f"`raw_db`.`{hive.RECEIPTS_TABLE}`" in hive.RECEIPTS.ddl("raw_db", "curated-bucket")


def test_a_receipt_is_the_alert_and_its_acknowledgement() -> None:
    alert, receipt = (
        [(field["name"], field["type"]) for field in avsc.fields_of(name)]
        for name in (avsc.PURCHASE_ALERT, avsc.RECEIPT)
    )
    assert receipt[: len(alert)] == alert
    assert receipt[len(alert) :] == [
        ("message_id", "string"),
        ("published_timestamp", "string"),
        ("latency_ms", "double"),
    ]


def test_the_raw_view_gives_one_column_a_field_and_the_partitions() -> None:
    view = sqlglot.parse_one(hive.raw_view_sql("raw_db"), read="athena")
    expected = [field["name"] for field in avsc.fields_of(avsc.CLICK_EVENT)]
    assert view.expression.named_selects == [*expected, *HOUR_PARTITION]


def test_the_raw_view_leaves_attestations_out() -> None:
    columns = {name: "VARCHAR" if kind.startswith("map") else kind for name, kind in hive.RAW.columns()}
    columns |= dict.fromkeys(HOUR_PARTITION, "INT")
    event = encode(ClickEvent(event_id="e", user_id="u", session_id="s", event_type="t", event_timestamp_us=1))
    with duckdb.connect() as database:
        database.execute("CREATE SCHEMA raw_db")
        database.execute(f"CREATE TABLE raw_db.click_events_raw ({', '.join(map(' '.join, columns.items()))})")
        for line in (event, attestation_line()):
            read = {name: value for name, value in json.loads(line).items() if name in columns}
            places = ", ".join("?" * len(read))
            database.execute(
                f"INSERT INTO raw_db.click_events_raw ({', '.join(read)}) VALUES ({places})", [*read.values()]
            )
        [view] = sqlglot.transpile(hive.raw_view_sql("raw_db"), read="athena", write="duckdb")
        database.execute(view)
        assert database.execute("SELECT event_id FROM raw_db.click_events").fetchall() == [("e",)]


def test_the_alerts_view_gives_one_column_a_field_and_the_partitions() -> None:
    view = sqlglot.parse_one(hive.alerts_view_sql("raw_db"), read="athena")
    expected = [field["name"] for field in avsc.fields_of(avsc.RECEIPT)]
    assert view.expression.named_selects == [*expected, *HOUR_PARTITION]


@pytest.mark.parametrize("name", avsc.NAMES)
def test_what_we_write_is_valid_by_the_schema(name: str) -> None:
    fastavro = pytest.importorskip("fastavro")
    event = ClickEvent(event_id="e", user_id="u", session_id="s", event_type="t", event_timestamp_us=1)
    alert = alert_of(event, arrival_us=2)
    samples: dict[str, msgspec.Struct] = {
        avsc.CLICK_EVENT: event,
        avsc.PURCHASE_ALERT: alert,
        avsc.RECEIPT: receipt_of(alert, "m", published_us=3),
        avsc.DEAD_LETTER: DeadLetter(
            reason="r", detail="d", stage="decode", attempts=1, arrival_timestamp="x", payload_bytes=0
        ),
        avsc.ATTESTATION: ATTESTATION,
        avsc.KINESIS_RECORD: KinesisRecord(
            data=b"d", partition_key="u", sequence_number="1", shard_id="shardId-000000000000", arrival_timestamp_us=1
        ),
    }
    builtins = msgspec.to_builtins(samples[name], builtin_types=(bytes,))
    record = {field.removesuffix("_us"): value for field, value in builtins.items()}
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
