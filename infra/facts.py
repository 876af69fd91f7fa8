"""`python -m infra.facts`: what Terraform has to know of the programs, rendered from where they define it.

One file, `terraform/modules/facts/facts.json`; the module beside it gives its parts as outputs. So no field list,
prefix, metric, property or time is typed in HCL. A test fails where the file is not what would be rendered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import typer

from batch_compaction import entry, quarantine_objects, report, validation_report
from batch_compaction.emf import DATABASE_DIMENSION
from infra import deployment
from infra.artifacts import packages
from schemas import hive, lake, tables
from schemas.alert import MESSAGE_ATTRIBUTES
from schemas.pricing.sizes import HEADROOM
from schemas.pricing.units import SHARD_BYTES_PER_S
from schemas.settings import Settings, variable_of
from stream_jobs import claims, job_status, lambda_handler, marks, watching
from stream_jobs.application_properties import PROPERTIES, RULES_GROUP, RUN_OPTIONS_GROUP

FACTS_FILE = Path(__file__).parent / "terraform" / "modules" / "facts" / "facts.json"
COMMAND = "python -m infra.facts"
# Stands for the name of a bucket, which Terraform knows.
BUCKET = "BUCKET"
# Source: Amazon Data Firehose developer guide, "Understand custom prefixes for Amazon S3 objects": the namespace
# `timestamp` takes patterns of Java's DateTimeFormatter and is the arrival of the oldest record, in UTC.
_JAVA_PATTERNS = {"%Y": "yyyy", "%m": "MM", "%d": "dd", "%H": "HH"}

Facts = dict[str, Any]


def facts() -> Facts:
    """Return every fact, by the name of the module's output."""
    return {
        "prefixes": {
            "raw": lake.RAW_PREFIX,
            "raw_errors": lake.RAW_ERROR_PREFIX,
            "receipts": lake.RECEIPTS_PREFIX,
            "dead_letters": lake.DEAD_LETTERS_PREFIX,
            "validations": lake.VALIDATIONS_PREFIX,
        },
        "hour_folder": re.sub(r"%.", lambda found: f"!{{timestamp:{_JAVA_PATTERNS[found[0]]}}}", lake.HOUR_FOLDER),
        "raw_table": _hive_table(hive.RAW),
        "receipts_table": _hive_table(hive.RECEIPTS),
        "tables": list(tables.TABLE_NAMES),
        "settings": {field.name: variable_of(field.name) for field in fields(Settings)},
        "properties": _properties(),
        "rules_group": RULES_GROUP,
        "run_options_group": RUN_OPTIONS_GROUP,
        "run_options": dict(packages.RUN_OPTIONS),
        "message_attributes": list(MESSAGE_ATTRIBUTES),
        "handlers": {
            "dropped_files": _path_of(lambda_handler.handler),
            "compaction_function": _path_of(entry.handler),
            "compaction_entry_point": ["python", "-m", entry.__name__],
        },
        "schedules": {
            name: {"expression": schedule.expression, "command": list(schedule.command)}
            for name, schedule in deployment.SCHEDULES.items()
        },
        "dropped_files": {
            "timeout_s": deployment.FUNCTION_TIMEOUT_S,
            "visibility_s": deployment.FUNCTION_VISIBILITY_S,
            "batch_size": deployment.FUNCTION_BATCH_SIZE,
            "max_receives": deployment.FUNCTION_MAX_RECEIVES,
            "memory_mib": deployment.FUNCTION_MEMORY_MIB,
            "table_key": claims.KEY,
            "table_ttl": claims.TIME_TO_LIVE,
        },
        "operator": {
            "redriven_prefix": marks.MARKS_PREFIX,
            "repaired_prefix": quarantine_objects.REPAIRED_PREFIX,
            "watch_queue_prefix": watching.QUEUE_PREFIX,
        },
        "flink": {
            "runtime": deployment.FLINK_RUNTIME,
            "checkpoint_interval_ms": deployment.CHECKPOINT_INTERVAL_MS,
            "min_pause_ms": deployment.MIN_PAUSE_BETWEEN_CHECKPOINTS_MS,
            "parallelism_per_kpu": deployment.PARALLELISM_PER_KPU,
        },
        "metrics": {
            "compaction": _metrics(report.METRICS_NAMESPACE, DATABASE_DIMENSION, report.METRIC_NAMES),
            "validation": _metrics(
                validation_report.METRICS_NAMESPACE, DATABASE_DIMENSION, validation_report.METRIC_NAMES
            ),
            "job": _metrics(deployment.FLINK_NAMESPACE, deployment.FLINK_DIMENSION, job_status.METRIC_NAMES),
        },
        "stream": {"headroom": HEADROOM, "shard_bytes_per_s": SHARD_BYTES_PER_S},
        "firehose": {
            "buffer_mib": deployment.FIREHOSE_BUFFER_MIB,
            "buffer_seconds": deployment.FIREHOSE_BUFFER_S,
            "extension": deployment.FIREHOSE_EXTENSION,
        },
        "runtimes": {
            "python": f"python{packages.PYTHONS[-1]}",
            "architectures": {
                "dropped_files": deployment.FUNCTION_ARCHITECTURE,
                "compaction": deployment.IMAGE_ARCHITECTURE,
            },
        },
    }


def text_of(facts: Facts) -> str:
    """Return the file's text."""
    return json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _hive_table(table: hive.HiveTable) -> Facts:
    given = table.glue_table(BUCKET)
    storage = given["StorageDescriptor"]
    serde = storage["SerdeInfo"]
    return {
        "name": given["Name"],
        "columns": _columns(storage["Columns"]),
        "partition_keys": _columns(given["PartitionKeys"]),
        "parameters": given["Parameters"],
        "location_prefix": table.prefix,
        "input_format": storage["InputFormat"],
        "output_format": storage["OutputFormat"],
        "serde_library": serde["SerializationLibrary"],
        "serde_parameters": serde["Parameters"],
    }


def _columns(columns: list[Mapping[str, str]]) -> list[dict[str, str]]:
    return [{"name": column["Name"], "type": column["Type"]} for column in columns]


def _properties() -> dict[str, dict[str, str | None]]:
    groups: dict[str, dict[str, str | None]] = {}
    for spec in PROPERTIES:
        groups.setdefault(spec.group, {})[spec.key] = spec.default
    return groups


def _metrics(namespace: str, dimension: str, names: tuple[str, ...]) -> Facts:
    return {"namespace": namespace, "dimension": dimension, "names": list(names)}


def _path_of(handler: Callable[..., object]) -> str:
    return f"{handler.__module__}.{handler.__qualname__}"


def main() -> None:
    """Render the facts of the programs for Terraform.

    Example: `python -m infra.facts`
    """
    FACTS_FILE.parent.mkdir(parents=True, exist_ok=True)
    FACTS_FILE.write_text(text_of(facts()), encoding="utf-8")
    typer.echo(str(FACTS_FILE))


if __name__ == "__main__":
    typer.run(main)
