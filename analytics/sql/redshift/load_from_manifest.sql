-- Loads hours of facts by COPY from the data files of a snapshot, and has the hot range reach over them.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- First: `clickstream redshift-manifest --table fact_clicks --from HOUR --to HOUR`, with --out at the address of the
-- manifest below and --hours-out at that of the hours. COPY from the table's folder would load files that a later one
-- has replaced. The address lies where Redshift's role may read and `clickstream maintain` removes nothing.
--
-- Run it again after any failure: it is one transaction, it takes away what it brings, and readers see all of it or
-- nothing. The hours are those of its two timestamps, the second one not included; `clickstream sql show NAME --from
-- HOUR --to HOUR` writes others in.
--
-- A manifest without entries has COPY fail, and all stays as it was: hours without a fact are for load_hours.sql. A
-- text of over 16,384 bytes has it fail as well: that hour, too.
BEGIN;

UPDATE hot.boundary SET moved_at = GETDATE();

DROP TABLE IF EXISTS arriving_hours;

CREATE TEMP TABLE arriving_hours (
  event_hour TIMESTAMP, version BIGINT, facts BIGINT, published_through TIMESTAMP
);

COPY arriving_hours
FROM 's3://CURATED_BUCKET/fact_clicks/redshift/2026-11-24T00_2026-11-25T00.hours.jsonl'
IAM_ROLE default
FORMAT AS JSON 'auto' TIMEFORMAT 'auto';

DELETE FROM hot.loaded_hours
WHERE event_hour >= TIMESTAMP '2026-11-24 00:00:00' AND event_hour < TIMESTAMP '2026-11-25 00:00:00';

INSERT INTO hot.loaded_hours (event_hour, version, facts)
SELECT event_hour, version, facts FROM arriving_hours
WHERE event_hour >= TIMESTAMP '2026-11-24 00:00:00' AND event_hour < TIMESTAMP '2026-11-25 00:00:00';

DELETE FROM hot.fact_clicks
WHERE event_timestamp >= TIMESTAMP '2026-11-24 00:00:00' AND event_timestamp < TIMESTAMP '2026-11-25 00:00:00';

COPY hot.fact_clicks
FROM 's3://CURATED_BUCKET/fact_clicks/redshift/2026-11-24T00_2026-11-25T00.manifest'
IAM_ROLE default
FORMAT AS PARQUET SERIALIZETOJSON MANIFEST;

UPDATE hot.boundary
SET loaded_from = TIMESTAMP '2026-11-24 00:00:00',
    loaded_until = (
      SELECT CASE WHEN MAX(published_through) >= TIMESTAMP '2026-11-25 00:00:00' THEN TIMESTAMP '2026-11-25 00:00:00'
                  ELSE COALESCE(MAX(published_through), TIMESTAMP '2026-11-24 00:00:00') END
      FROM arriving_hours
    );

UPDATE hot.boundary
SET hot_from = CASE WHEN hot_from = hot_until THEN loaded_from ELSE LEAST(hot_from, loaded_from) END,
    hot_until = CASE WHEN hot_from = hot_until THEN loaded_until ELSE GREATEST(hot_until, loaded_until) END
WHERE loaded_until > loaded_from
  AND (hot_from = hot_until OR (loaded_from <= hot_until AND loaded_until >= hot_from));

COMMIT;
