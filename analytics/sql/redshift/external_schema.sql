-- The lake's tables as the schema lake, and the two schemas of Redshift's own: hot tables, and what analysts ask.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- Run it once, first, and not in a transaction. The tables of the Glue database appear by themselves, also those to
-- come. Redshift knows no partition projection: the tables over JSON lines are asked on Athena.
--
-- Maps and lists of the lake are read as JSON text in a session that says SET json_serialization_enable TO true.
CREATE EXTERNAL SCHEMA IF NOT EXISTS lake
FROM DATA CATALOG DATABASE 'clickstream'
IAM_ROLE default;

CREATE SCHEMA IF NOT EXISTS hot;

CREATE SCHEMA IF NOT EXISTS mart;
