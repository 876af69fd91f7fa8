"""The tables as a document for analysts, rendered from their definitions.

`python -m schemas.documents` writes `docs/tables.md`; a test fails when it is not what the definitions say.
"""

from __future__ import annotations

from pathlib import Path

from schemas.tables import (
    ANOMALIES,
    ATTESTATIONS,
    CONFLICTS,
    DIM_USER_AGENTS,
    DIM_USERS,
    DIM_USERS_HISTORY,
    DQ_RESULTS,
    FACT_CLICKS,
    HOUR_CHANGES,
    HOURS,
    QUARANTINE,
    QUARANTINE_RESOLUTIONS,
    RAW_OBJECTS,
    USER_HOURS,
    Table,
    athena_type,
)

DOCUMENT = Path(__file__).parents[1] / "docs" / "tables.md"
_INTRODUCTION = """# Tables

Iceberg v2 tables of Parquet files, in the Glue database `clickstream`. All timestamps are UTC, without a zone, to the
microsecond. Filter on `year`, `month`, `day` and `hour`: an engine then reads only those hours.

This page is rendered from `schemas/tables.py` by `python -m schemas.documents`.

```sql
SELECT u.country, count(*) AS clicks
FROM fact_clicks f JOIN dim_users u ON u.user_id = f.user_id
WHERE f.year = 2026 AND f.month = 11 AND f.day = 24
GROUP BY u.country ORDER BY clicks DESC, u.country
```

`clickstream query "SELECT ..."` answers this on one machine; [the cookbook](cookbook.md) has more. `dim_users` says
what holds now; what held when an event happened is in `dim_users_history`, where every fact has exactly one row:

```sql
SELECT h.country, count(*) AS purchases
FROM fact_clicks f JOIN dim_users_history h
    ON h.user_id = f.user_id AND f.event_timestamp >= h.valid_from
    AND (h.valid_to IS NULL OR f.event_timestamp < h.valid_to)
WHERE f.year = 2026 AND f.month = 11 AND f.day = 24 AND f.event_type = 'purchase'
GROUP BY h.country ORDER BY purchases DESC, h.country
```

Of the lines that `raw_objects` counts as published for an event hour, those not in `fact_clicks` or `conflicts` are
duplicates:

```sql
SELECT h.event_hour, sum(h.accepted) AS accepted
FROM raw_objects CROSS JOIN UNNEST(hours) AS h(event_hour, accepted, state)
WHERE h.state = 'published'
GROUP BY h.event_hour ORDER BY h.event_hour
```
"""


def render() -> str:
    """Return the document."""
    tables = (
        FACT_CLICKS,
        DIM_USERS,
        DIM_USERS_HISTORY,
        DIM_USER_AGENTS,
        USER_HOURS,
        CONFLICTS,
        QUARANTINE,
        QUARANTINE_RESOLUTIONS,
        ATTESTATIONS,
        RAW_OBJECTS,
        HOURS,
        HOUR_CHANGES,
        DQ_RESULTS,
        ANOMALIES,
    )
    return "\n".join([_INTRODUCTION, *map(_section, tables)])


def _section(table: Table) -> str:
    partition = f"Partitions: {', '.join(table.partition)}." if table.partition else "Not partitioned."
    rows = [
        f"| `{field.name}` | {athena_type(field.type)} | {'' if field.nullable else 'yes'} "
        f"| {field.metadata[b'doc'].decode()} |"
        for field in table.schema
    ]
    return "\n".join(
        [
            f"## {table.name}\n",
            f"{table.doc} {partition} Rows of a file are ordered by {', '.join(table.order)}.\n",
            "| column | type | always set | |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    DOCUMENT.write_text(render(), encoding="utf-8")
