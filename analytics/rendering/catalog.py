"""All rendered files, in the order in which a deployment uses them."""

from __future__ import annotations

from analytics.rendering import (
    athena_examples,
    athena_raw,
    redshift_loads,
    redshift_rights,
    redshift_tables,
    redshift_views,
)
from analytics.rendering.sql_files import SqlFile

FILES: tuple[SqlFile, ...] = (
    *athena_raw.FILES,
    *athena_examples.FILES,
    *redshift_tables.FILES,
    *redshift_loads.FILES,
    *redshift_views.FILES,
    *redshift_rights.FILES,
)
