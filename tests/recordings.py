"""The recorded traffic that tests replay where it is at hand, and what must come of it, counted from the files.

The counts take a route of their own: DuckDB or the raw bytes, none of the code under test.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

DATA = Path(__file__).parents[2] / "shared" / "data"
_ACTION = "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1_0_0"
_CLIENT_SESSION = "contexts_com_snowplowanalytics_snowplow_client_session_1_0_1"


@dataclass(frozen=True, slots=True)
class Recording:
    """One file, its mapping, and what its README states.

    Attributes:
        types: counts the distinct valid rows by event type, from the file.
        rejected: reason -> rows that are no event.
    """

    name: str
    folder: str
    mapping: str
    rows: int
    duplicates: int
    conflicts: int
    rejected: dict[str, int]
    types: Callable[[Path], dict[str, int]]

    @property
    def path(self) -> Path:
        """The file; skips the test where it is not on this machine."""
        path = DATA / self.folder / self.name
        if not path.exists():
            pytest.skip(f"the recording {self.name} is not on this machine")
        return path


def _counted(query: str) -> dict[str, int]:
    return dict(duckdb.sql(query).fetchall())


def _rees46_types(path: Path, source: str, column: str) -> dict[str, int]:
    names = f"CASE {column} WHEN 'view' THEN 'page_view' WHEN 'cart' THEN 'add_to_cart' ELSE {column} END"
    return _counted(f"SELECT {names}, count(*) FROM (SELECT DISTINCT * FROM {source.format(path)}) GROUP BY 1")


def _rees46_october_types(path: Path) -> dict[str, int]:
    # The cut last row has too few columns, which the reader ignores as an error.
    return _rees46_types(path, "read_csv('{}', all_varchar = true, ignore_errors = true)", "event_type")


def _rees46_november_types(path: Path) -> dict[str, int]:
    return _rees46_types(path, "read_csv('{}', all_varchar = true, header = false)", "column1")


def _snowplow_web_types(path: Path) -> dict[str, int]:
    names = "CASE WHEN event_name IN ('link_click', 'object_click') THEN 'click' ELSE event_name END"
    rows = (
        f"SELECT event_id, any_value({names}) AS name FROM read_csv('{path}', all_varchar = true) "
        "WHERE domain_userid IS NOT NULL AND domain_sessionid IS NOT NULL GROUP BY 1"
    )
    return _counted(f"SELECT name, count(*) FROM ({rows}) GROUP BY 1")


def _snowplow_shop_types(path: Path) -> dict[str, int]:
    kind = f"coalesce({_ACTION}->>'type', event_name)"
    names = (
        f"CASE {kind} WHEN 'product_view' THEN 'page_view' WHEN 'list_view' THEN 'page_view' "
        "WHEN 'list_click' THEN 'click' WHEN 'promo_click' THEN 'click' WHEN 'checkout_step' THEN 'checkout' "
        f"WHEN 'transaction' THEN 'purchase' ELSE {kind} END"
    )
    return _counted(
        f"SELECT {names}, count(*) FROM read_csv('{path}', all_varchar = true) "
        f"WHERE coalesce(domain_userid, {_CLIENT_SESSION}->0->>'userId') IS NOT NULL GROUP BY 1"
    )


def _apache_types(path: Path) -> dict[str, int]:
    with gzip.open(path) as file:
        return {"page_view": len({line for line in file.read().splitlines() if line.endswith(b'"')})}


REES46_OCTOBER = Recording(
    "2019-10-01_0000-0250.csv.gz",
    "rees46-2019-10",
    "rees46",
    rows=17_435,
    duplicates=5,
    conflicts=0,
    rejected={"not_an_object": 1},
    types=_rees46_october_types,
)
REES46_NOVEMBER = Recording(
    "2019-11-01_0000-0004_noheader.csv",
    "rees46-2019-10",
    "rees46-noheader",
    rows=683,
    duplicates=0,
    conflicts=0,
    rejected={},
    types=_rees46_november_types,
)
SNOWPLOW_WEB = Recording(
    "snowplow_web_events.csv",
    "snowplow-events",
    "snowplow-web",
    rows=160,
    duplicates=0,
    conflicts=3,
    rejected={"missing_field": 2},
    types=_snowplow_web_types,
)
SNOWPLOW_SHOP = Recording(
    "snowplow_ecommerce_events.csv.gz",
    "snowplow-events",
    "snowplow-ecommerce",
    rows=833,
    duplicates=0,
    conflicts=0,
    rejected={"missing_field": 1},
    types=_snowplow_shop_types,
)
APACHE = Recording(
    "access.log.gz",
    "apache-access-2015",
    "apache-combined",
    rows=10_000,
    duplicates=19,
    conflicts=0,
    rejected={"not_json": 1},
    types=_apache_types,
)
RECORDINGS = (REES46_OCTOBER, REES46_NOVEMBER, SNOWPLOW_WEB, SNOWPLOW_SHOP, APACHE)
