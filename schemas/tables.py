"""The tables of the lake, derived from the event schema: columns, partitions, order of rows.

Columns are Arrow types, which is what every engine here exchanges; Iceberg types follow from them when a table is
created, Hive types in `hive`. A test compares the event's columns with the Avro schema.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from schemas import avsc

HOUR_PARTITION = ("year", "month", "day", "hour")
DAY_PARTITION = ("year", "month", "day")
TIMESTAMP = pa.timestamp("us")  # UTC by contract and without a zone: the one form that Athena, Spectrum and Trino share
_ARROW_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "long": pa.int64(),
    "map": pa.map_(pa.string(), pa.string()),
    "timestamp-micros": TIMESTAMP,
}
_ATHENA_TYPES: dict[pa.DataType, str] = {
    pa.string(): "varchar",
    pa.binary(): "varbinary",
    pa.bool_(): "boolean",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.date32(): "date",
    TIMESTAMP: "timestamp",
}


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its name, columns in order, identity partitions, and the columns that order the rows of a file."""

    name: str
    doc: str
    schema: pa.Schema
    partition: tuple[str, ...]
    order: tuple[str, ...]


def _column(name: str, kind: pa.DataType, doc: str, required: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=not required, metadata={"doc": doc})


def _event_columns() -> list[pa.Field]:
    """The event's fields as columns, in the schema's order, `event_id` under its name in the star schema."""
    columns = []
    for field in avsc.fields_of(avsc.CLICK_EVENT):
        kind, optional = field["type"], False
        if isinstance(kind, list):
            optional, kind = True, next(branch for branch in kind if branch != "null")
        name = "click_id" if field["name"] == "event_id" else field["name"]
        columns.append(_column(name, _arrow_type(kind), field["doc"], required=not optional))
    return columns


def _arrow_type(avro_type: str | dict[str, str]) -> pa.DataType:
    if isinstance(avro_type, str):
        return _ARROW_TYPES[avro_type]
    return _ARROW_TYPES[avro_type.get("logicalType") or avro_type["type"]]


def _partition_columns(names: tuple[str, ...], of: str) -> list[pa.Field]:
    return [_column(name, pa.int32(), f"The {name} of the {of}, UTC.", required=True) for name in names]


_PRODUCER_FIELDS = ("producer_id", "producer_seq")
_SOURCE = [
    _column("source_object", pa.string(), "Key of the raw object that the row was read from.", required=True),
    _column("source_line", pa.int64(), "Its physical line there, from 1; blank lines count.", required=True),
]
_EVENT = _event_columns()
_FACT_COLUMNS = [
    *(column for column in _EVENT if column.name not in _PRODUCER_FIELDS),
    *_partition_columns(HOUR_PARTITION, "event"),
    *(column for column in _EVENT if column.name in _PRODUCER_FIELDS),
    *_SOURCE,
]

# What makes two lines of one event id the same event: everything that the producer's user said.
PAYLOAD_COLUMNS = tuple(column.name for column in _EVENT if column.name not in ("click_id", *_PRODUCER_FIELDS))

FACT_CLICKS = Table(
    "fact_clicks",
    "One row for each event id of an event hour.",
    pa.schema(_FACT_COLUMNS),
    HOUR_PARTITION,
    ("event_timestamp", "click_id"),
)
CONFLICTS = Table(
    "conflicts",
    "Lines that carry the id of a fact and another payload, one row for each payload.",
    pa.schema(_FACT_COLUMNS),
    HOUR_PARTITION,
    ("click_id", "source_object", "source_line"),
)
QUARANTINE = Table(
    "quarantine",
    "Lines that are no event, with the reason and their bytes, by the hour in which they arrived.",
    pa.schema(
        [
            *_SOURCE,
            _column("byte_offset", pa.int64(), "Where the line begins in the decompressed object.", required=True),
            _column("reason", pa.string(), "Typed reason; see the event contract.", required=True),
            _column("detail", pa.string(), "Which field or what about it, for a person.", required=True),
            _column("raw_bytes", pa.binary(), "The line as it was read, 16 MiB of it at most.", required=True),
            _column("first_seen_run", pa.string(), "The run that read the line first.", required=True),
            *_partition_columns(HOUR_PARTITION, "arrival"),
        ]
    ),
    HOUR_PARTITION,
    ("source_object", "source_line"),
)
ATTESTATIONS = Table(
    "attestations",
    "What producers say that they sent in an hour, one row a line, by the hour in which it arrived; "
    "one that was delivered twice is two rows.",
    pa.schema(
        [
            _column("producer_id", pa.string(), "The producer process, as its events name it.", required=True),
            _column("send_hour", TIMESTAMP, "Start of the hour in which they were sent.", required=True),
            _column("first_seq", pa.int64(), "The lowest producer_seq that it attests.", required=True),
            _column("last_seq", pa.int64(), "The highest; each between the two was sent in that hour.", required=True),
            _column("count", pa.int64(), "How many events: last_seq - first_seq + 1.", required=True),
            _column(
                "digest",
                pa.string(),
                "Sum of the BLAKE2b-128 digests of the events' bytes, modulo 2^128, in 32 hex digits.",
                required=True,
            ),
            _column("closed_timestamp", TIMESTAMP, "When it was made.", required=True),
            _column("is_last", pa.bool_(), "True where the producer ended after it.", required=True),
            *_SOURCE,
            *_partition_columns(HOUR_PARTITION, "arrival"),
        ]
    ),
    HOUR_PARTITION,
    ("producer_id", "send_hour", "first_seq", "source_object", "source_line"),
)
QUARANTINE_RESOLUTIONS = Table(
    "quarantine_resolutions",
    "What became of quarantined lines: one row for each that was repaired or dismissed; the others are unresolved.",
    pa.schema(
        [
            _column("source_object", pa.string(), "Key of the raw object of the quarantined line.", required=True),
            _column("source_line", pa.int64(), "Its physical line there, from 1.", required=True),
            _column("resolution", pa.string(), "repaired or dismissed.", required=True),
            _column("replay_object", pa.string(), "Key of the raw object that holds the repaired line."),
            _column("replay_line", pa.int64(), "Its physical line there, from 1."),
            _column("why", pa.string(), "Why it was dismissed."),
            _column("rules_digest", pa.string(), "Equal for lines that the same rules resolved.", required=True),
            _column("resolved_at", TIMESTAMP, "When it was marked so.", required=True),
            *_partition_columns(HOUR_PARTITION, "arrival of the quarantined line"),
        ]
    ),
    HOUR_PARTITION,
    ("source_object", "source_line"),
)
_ATTRIBUTES = [
    _column("country", pa.string(), "Latest metadata country."),
    _column("signup_date", pa.date32(), "Latest metadata signup_date that is a date."),
]
DIM_USERS = Table(
    "dim_users",
    "One row for each user of the facts; of an attribute, the latest value by event time.",
    pa.schema(
        [
            _column("user_id", pa.string(), "Who.", required=True),
            *_ATTRIBUTES,
            _column("device_preferences", pa.list_(pa.string()), "Device types, the most used first.", required=True),
            _column("device_events", pa.list_(pa.int64()), "Facts with each of them, in that order.", required=True),
            _column("last_seen", TIMESTAMP, "Latest event.", required=True),
            _column("first_seen", TIMESTAMP, "Earliest event.", required=True),
            _column("events", pa.int64(), "Facts of this user.", required=True),
        ]
    ),
    (),
    ("user_id",),
)
DIM_USERS_HISTORY = Table(
    "dim_users_history",
    "One row for each user and period of event time in which the attributes stayed the same, without gaps.",
    pa.schema(
        [
            _column("user_id", pa.string(), "Who.", required=True),
            *_ATTRIBUTES,
            _column("valid_from", TIMESTAMP, "The instant from which they held, itself included.", required=True),
            _column("valid_to", TIMESTAMP, "The instant from which others held; null where these are current."),
        ]
    ),
    (),
    ("user_id", "valid_from"),
)
DIM_USER_AGENTS = Table(
    "dim_user_agents",
    "What each text of metadata['user_agent'] in the facts tells; a fact finds its row by a left join on the text.",
    pa.schema(
        [
            _column("user_agent", pa.string(), "The text, as the facts have it.", required=True),
            _column("browser", pa.string(), "Family of the browser or program, such as Chrome; else other.", True),
            _column("browser_version", pa.string(), "Its version, as many parts as the text tells; null for none."),
            _column("os", pa.string(), "Family of the operating system, such as Android; else other.", required=True),
            _column("os_version", pa.string(), "Its version, as many parts as the text tells; null for none."),
            _column("device", pa.string(), "desktop, mobile, tablet, bot or other.", required=True),
            _column("is_bot", pa.bool_(), "True where the text says that no person looks at the page.", required=True),
            _column("rules_version", pa.string(), "The rules that the row was made by, ours and the library's.", True),
        ]
    ),
    (),
    ("user_agent",),
)
USER_HOURS = Table(
    "user_hours",
    "What the facts of one hour say of each of their users; dim_users and its history are the sum of these rows.",
    pa.schema(
        [
            _column("user_id", pa.string(), "Who.", required=True),
            _column("device_preferences", pa.list_(pa.string()), "Device types, the most used first.", required=True),
            _column("device_events", pa.list_(pa.int64()), "Facts with each of them, in that order.", required=True),
            _column("last_seen", TIMESTAMP, "Latest event of the hour.", required=True),
            _column("first_seen", TIMESTAMP, "Earliest event of the hour.", required=True),
            _column("events", pa.int64(), "Facts of this user in the hour.", required=True),
            _column(
                "periods",
                pa.list_(
                    pa.struct(
                        [
                            pa.field("valid_from", TIMESTAMP, nullable=False),
                            *(column.remove_metadata() for column in _ATTRIBUTES),
                        ]
                    )
                ),
                "The attributes as this hour's facts alone tell them, from each instant at which they changed.",
                required=True,
            ),
            *_partition_columns(HOUR_PARTITION, "event"),
        ]
    ),
    HOUR_PARTITION,
    ("user_id",),
)
_OBJECT_HOUR = pa.struct(
    [
        pa.field("event_hour", TIMESTAMP, nullable=False),
        pa.field("accepted", pa.int64(), nullable=False),
        pa.field("state", pa.string(), nullable=False),
    ]
)
RAW_OBJECTS = Table(
    "raw_objects",
    "Every raw object that was read; only a row here marks its lines as done.",
    pa.schema(
        [
            _column("bucket", pa.string(), "Bucket.", required=True),
            _column("key", pa.string(), "Key.", required=True),
            _column("etag", pa.string(), "Entity tag at the time of reading.", required=True),
            _column("size_bytes", pa.int64(), "Size as stored.", required=True),
            _column("arrival_hour", TIMESTAMP, "The hour its folder names, else of its last change.", required=True),
            _column("lines", pa.int64(), "Physical lines: the sum of the next four.", required=True),
            _column("accepted", pa.int64(), "Lines that are events.", required=True),
            _column("quarantined", pa.int64(), "Lines that are none, nor attestations.", required=True),
            _column("attestations", pa.int64(), "Lines that are attestations of producers.", required=True),
            _column("blank", pa.int64(), "Lines of nothing but white space.", required=True),
            _column(
                "hours",
                pa.list_(_OBJECT_HOUR),
                "Accepted lines by event hour; state published, held (check, rollback) or open (not over yet).",
                required=True,
            ),
            *_partition_columns(DAY_PARTITION, "arrival"),
        ]
    ),
    DAY_PARTITION,
    ("bucket", "key"),
)

DQ_RESULTS = Table(
    "dq_results",
    "What each check of each run found in an hour before it was published.",
    pa.schema(
        [
            _column("event_hour", TIMESTAMP, "The hour that was judged.", required=True),
            _column("check_name", pa.string(), "Name of the check.", required=True),
            _column("run_id", pa.string(), "The run that would publish the hour.", required=True),
            _column("severity", pa.string(), "blocking (a failure holds the hour back) or warning.", required=True),
            _column("verdict", pa.string(), "passed or failed.", required=True),
            _column("expected", pa.string(), "What the check asks for, for a person.", required=True),
            _column("got", pa.string(), "What it found.", required=True),
            _column("detail", pa.string(), "Examples, or why it could not judge; may be empty.", required=True),
            _column("accepted_why", pa.string(), "Why an operator let the hour pass although the check failed."),
            _column("checked_at", TIMESTAMP, "When the run judged.", required=True),
            *_partition_columns(DAY_PARTITION, "event"),
        ]
    ),
    DAY_PARTITION,
    ("event_hour", "check_name", "checked_at", "run_id"),
)
ANOMALIES = Table(
    "anomalies",
    "Where the latest recount of a closed day from the raw objects and the tables disagree.",
    pa.schema(
        [
            _column("kind", pa.string(), "What is wrong.", required=True),
            _column("event_hour", TIMESTAMP, "The hour it is wrong in, of the arrival for quarantined lines."),
            _column("source_object", pa.string(), "Key of the raw object that it is about."),
            _column("source_line", pa.int64(), "Physical line there."),
            _column("click_id", pa.string(), "The event that it is about."),
            _column("expected", pa.string(), "What the raw objects say.", required=True),
            _column("got", pa.string(), "What the tables say.", required=True),
            _column("total", pa.int64(), "How many of this kind the hour has; not all are rows.", required=True),
            _column("found_at", TIMESTAMP, "When the day was recounted.", required=True),
            *_partition_columns(DAY_PARTITION, "recount"),
        ]
    ),
    DAY_PARTITION,
    ("event_hour", "kind", "source_object", "source_line", "click_id"),
)

HOUR_CHANGES = Table(
    "hour_changes",
    "What each change of a published hour did, one row for each change.",
    pa.schema(
        [
            _column("event_hour", TIMESTAMP, "The hour that was changed.", required=True),
            _column("sequence", pa.int64(), "Sequence number of the snapshot of fact_clicks that did.", required=True),
            _column("snapshot_id", pa.int64(), "That snapshot.", required=True),
            _column("run_id", pa.string(), "The run, or the rollback.", required=True),
            _column(
                "reasons",
                pa.list_(pa.string()),
                "first, late data, conflict winner, earlier line, replay, redo or rollback.",
                required=True,
            ),
            _column("new_lines", pa.int64(), "Lines that the hour did not hold before.", required=True),
            _column("facts_before", pa.int64(), "Rows before.", required=True),
            _column("facts", pa.int64(), "Rows since then.", required=True),
            _column("added", pa.int64(), "Rows that came.", required=True),
            _column("removed", pa.int64(), "Rows that went, by a rollback.", required=True),
            _column("replaced", pa.int64(), "Rows that gave way to another line of their id.", required=True),
            _column("conflicts", pa.int64(), "Rows of conflicts since then.", required=True),
            _column("facts_file", pa.string(), "Name of the file of fact_clicks since then; null for none."),
            _column("conflicts_file", pa.string(), "Name of the file of conflicts since then; null for none."),
            _column("restored", pa.int64(), "Of a rollback: the sequence that is back; null for nothing at all."),
            _column("why", pa.string(), "Of a rollback: why."),
            _column("changed_at", TIMESTAMP, "When.", required=True),
            *_partition_columns(DAY_PARTITION, "event"),
        ]
    ),
    DAY_PARTITION,
    ("event_hour", "sequence"),
)
HOURS = Table(
    "hours",
    "One row for each event hour that lines were read of: what is published of it and what waits.",
    pa.schema(
        [
            _column("event_hour", TIMESTAMP, "The hour.", required=True),
            _column(
                "state",
                pa.string(),
                "open, published, repaired, held (by a check), rolled_back, or rolling_back while that is under way.",
                required=True,
            ),
            _column("facts", pa.int64(), "Rows of fact_clicks.", required=True),
            _column("conflicts", pa.int64(), "Rows of conflicts.", required=True),
            _column("waiting_lines", pa.int64(), "Accepted lines that are not published.", required=True),
            _column("changes", pa.int64(), "Rows of hour_changes.", required=True),
            _column("version", pa.int64(), "The sequence in hour_changes that is in force; null for nothing."),
            _column("last_arrival", TIMESTAMP, "The latest hour in which lines of it arrived.", required=True),
            _column("first_published_at", TIMESTAMP, "When it was published first."),
            _column("last_changed_at", TIMESTAMP, "When it was changed last."),
            _column("run_id", pa.string(), "The run or rollback that looked at it last.", required=True),
            _column("why", pa.string(), "What the checks found, or why it was rolled back."),
            _column(
                "published_through",
                TIMESTAMP,
                "The instant before which every hour was over and complete when the row was written.",
                required=True,
            ),
            *_partition_columns(DAY_PARTITION, "event"),
        ]
    ),
    DAY_PARTITION,
    ("event_hour",),
)

TABLES = (
    QUARANTINE,
    QUARANTINE_RESOLUTIONS,
    ATTESTATIONS,
    CONFLICTS,
    USER_HOURS,
    DIM_USERS,
    DIM_USERS_HISTORY,
    DIM_USER_AGENTS,
    FACT_CLICKS,
    RAW_OBJECTS,
    DQ_RESULTS,
    ANOMALIES,
    HOUR_CHANGES,
    HOURS,
)
TABLE_NAMES = tuple(table.name for table in TABLES)
# Tables that tell of runs: unlike the others they depend on how the runs were cut.
TABLES_OF_RUNS = frozenset({DQ_RESULTS.name, HOUR_CHANGES.name, HOURS.name})


def athena_type(kind: pa.DataType) -> str:
    """Return the name that Athena's SQL gives a column type of these tables."""
    if pa.types.is_map(kind):
        return f"map({athena_type(kind.key_type)}, {athena_type(kind.item_type)})"
    if pa.types.is_list(kind):
        return f"array({athena_type(kind.value_type)})"
    if pa.types.is_struct(kind):
        return f"row({', '.join(f'{field.name} {athena_type(field.type)}' for field in kind)})"
    return _ATHENA_TYPES[kind]
