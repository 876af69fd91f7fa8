"""What a folder may import is written once, here and in the architecture."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {
    "schemas",
    "producers",
    "stream_jobs",
    "batch_compaction",
    "infra",
    "analytics",
    "clickstream",
    "bench",
    "tests",
}
MAY_IMPORT: dict[str, set[str]] = {
    "schemas": set(),
    "producers": {"schemas"},
    "stream_jobs": {"schemas"},
    "batch_compaction": {"schemas"},
    "infra": {"schemas"},
    "analytics": {"schemas", "batch_compaction"},
}
# What Terraform has to know of the programs is read from where they define it; and the image of the compaction runs
# the command of the analytics that is scheduled after it.
MAY_IMPORT_MORE = {
    Path("infra/facts.py"): {"stream_jobs", "batch_compaction"},
    Path("batch_compaction/entry.py"): {"analytics"},
}
# Modules of pure logic: they know no service, no engine of a job, no clock, no environment, no chance, no threads.
IMPURE = {
    "boto3",
    "botocore",
    "pyflink",
    "os",
    "time",
    "random",
    "threading",
    "subprocess",
    "socket",
    "secrets",
    "uuid",
}
PURE = {
    "schemas": "*",
    "producers": {
        "answer_key",
        "assessment",
        "charts",
        "histogram",
        "load_summary",
        "messages",
        "meter",
        "lines",
        "alert_duty",
        "answer",
        "chance",
        "damage",
        "fault_plan",
        "fault_tables",
        "foresight",
        "injection",
        "key_writer",
        "line_maker",
        "retry_storms",
        "cell",
        "crawlers",
        "diurnal",
        "event_ids",
        "funnel",
        "pages",
        "population",
        "simulation",
        "visit",
        "visitors",
        "wire",
        "page",
        "profiles",
        "timeline",
        "routing",
        "batching",
        "lane",
        "lanes",
        "results",
        "pacing",
        "stamping",
        "attestor",
        "sinks",
        "schedules",
        "paths",
        "mapping",
        "translation",
        "rows",
        "judging",
        "conversion",
        "columns",
        "rewriting",
        "sequencing",
        "passes",
        "noting",
        "text",
        "options",
        "replay",
        "key_parts",
        "evidence",
        "row_payloads",
        "scopes",
        "grades",
        "line_grades",
        "table_grades",
        "alert_grades",
        "hints",
        "verdict_view",
        "shards",
    },
    "stream_jobs": {
        "application_properties",
        "arns",
        "byte_filter",
        "claims",
        "deadline",
        "decoding",
        "defaults",
        "figures",
        "found_letters",
        "notices",
        "object_content",
        "outbox",
        "patience",
        "property_values",
        "publishing",
        "quantiles",
        "redeciding",
        "rules",
        "shards",
    },
    "infra": {
        "archive",
        "closure",
        "cost_view",
        "deployment",
        "event_source",
        "firehose",
        "lock",
        "operations",
        "reconciliation",
    },
    "analytics": {
        "agents",
        "answers",
        "as_of",
        "athena_examples",
        "athena_raw",
        "blanks",
        "bots",
        "catalog",
        "changes",
        "channels",
        "collection_rewrites",
        "conditions",
        "devices",
        "dialect",
        "hive_tables",
        "hive_types",
        "lexing",
        "macros",
        "manifest",
        "number_rewrites",
        "number_types",
        "outcome",
        "pruning",
        "redshift_loads",
        "redshift_rights",
        "redshift_tables",
        "redshift_types",
        "redshift_views",
        "regexp_groups",
        "result_types",
        "rewriting",
        "sql_files",
        "statements",
        "text_rewrites",
        "texts",
        "time_patterns",
        "time_rewrites",
        "translation",
        "unnesting",
        "views",
        "written_tables",
    },
    "batch_compaction": {
        "arrays",
        "emf",
        "first_seen",
        "progress",
        "parse",
        "plan",
        "merge",
        "dims",
        "hour_merge",
        "hour_options",
        "hours",
        "hours_report",
        "maintain_plan",
        "rollback_plan",
        "rollback_report",
        "rollback_states",
        "instant_scan",
        "intake",
        "json_scan",
        "line_scan",
        "sorting",
        "text_columns",
        "text_hashes",
        "periods",
        "user_rows",
        "user_hours",
        "user_splice",
        "report",
        "bookkeeping",
        "checks",
        "hour_audit",
        "id_hashes",
        "lean_scan",
        "limits",
        "verdicts",
        "recount_attestations",
        "recount_content",
        "recount_events",
        "validation_report",
        "quarantine",
        "quarantine_repair",
        "quarantine_report",
        "quarantine_rows",
        "repair_rules",
    },
}


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            # The type of a generator that is handed in, already seeded.
            if node.module == "random" and [alias.name for alias in node.names] == ["Random"]:
                continue
            found.add(node.module.partition(".")[0])
    return found


def test_a_module_that_may_import_more_does() -> None:
    for path, more in MAY_IMPORT_MORE.items():
        assert more <= imports_of(ROOT / path), path


def modules_of(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_it_may(package: str) -> None:
    assert modules_of(package)
    for path in modules_of(package):
        more = MAY_IMPORT_MORE.get(path.relative_to(ROOT), set())
        foreign = (imports_of(path) & OURS) - {package} - MAY_IMPORT[package] - more
        assert not foreign, f"{path.relative_to(ROOT)} imports {foreign}"


@pytest.mark.parametrize("package", PURE)
def test_pure_modules_know_no_service_clock_or_environment(package: str) -> None:
    allowed = PURE[package]
    pure = [path for path in modules_of(package) if allowed == "*" or path.stem in allowed]
    assert pure
    if allowed != "*":
        assert {path.stem for path in pure} == allowed
    for path in pure:
        assert not imports_of(path) & IMPURE, path.relative_to(ROOT)
