-- Loads again each hot hour whose version in the lake is another than the one that was loaded.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- Late events, rollbacks, and hours that were published after the boundary had passed them. hot.stale_hours says which.
-- Nothing stale is nothing done. Where few hours are stale, load_hours.sql for each reads less of the lake.
SET json_serialization_enable TO true;

BEGIN;

UPDATE hot.boundary SET moved_at = GETDATE();

DROP TABLE IF EXISTS repaired_hours;

CREATE TEMP TABLE repaired_hours AS
SELECT event_hour, version, facts FROM hot.stale_hours;

DELETE FROM hot.loaded_hours
WHERE event_hour IN (SELECT event_hour FROM repaired_hours);

INSERT INTO hot.loaded_hours (event_hour, version, facts)
SELECT event_hour, version, facts FROM repaired_hours;

DELETE FROM hot.fact_clicks
WHERE DATE_TRUNC('hour', event_timestamp) IN (SELECT event_hour FROM repaired_hours);

INSERT INTO hot.fact_clicks (
  click_id,
  user_id,
  session_id,
  event_type,
  event_timestamp,
  device_type,
  page_url,
  referrer_url,
  metadata,
  year,
  month,
  day,
  hour,
  producer_id,
  producer_seq,
  source_object,
  source_line
)
SELECT
  f.click_id,
  f.user_id,
  f.session_id,
  f.event_type,
  f.event_timestamp,
  f.device_type,
  f.page_url,
  f.referrer_url,
  JSON_PARSE(f.metadata) AS metadata,
  f.year,
  f.month,
  f.day,
  f.hour,
  f.producer_id,
  f.producer_seq,
  f.source_object,
  f.source_line
FROM lake.fact_clicks AS f
JOIN repaired_hours AS r
  ON f.year = EXTRACT(year FROM r.event_hour) AND f.month = EXTRACT(month FROM r.event_hour)
  AND f.day = EXTRACT(day FROM r.event_hour) AND f.hour = EXTRACT(hour FROM r.event_hour)
WHERE f.event_timestamp >= (SELECT MIN(event_hour) FROM repaired_hours);

COMMIT;
