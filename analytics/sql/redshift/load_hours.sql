-- Loads hours of facts from the lake by INSERT ... SELECT, and has the hot range reach over them.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- Run it again after any failure: it is one transaction, it takes away what it brings, and readers see all of it or
-- nothing. The hours are those of its two timestamps, the second one not included; `clickstream sql show NAME --from
-- HOUR --to HOUR` writes others in.
--
-- The order matters: versions are read before facts, so that an hour which is repaired meanwhile is seen to be stale.
-- The hot range grows where the hours touch it, and not beyond what is published in full; hours apart from it are
-- loaded, but go on to be answered by the lake.
--
-- Spectrum cuts a text at 16,384 bytes, and gives a map as JSON of at most 65,535.
SET json_serialization_enable TO true;

BEGIN;

UPDATE hot.boundary SET moved_at = GETDATE();

DROP TABLE IF EXISTS arriving_hours;

CREATE TEMP TABLE arriving_hours AS
SELECT event_hour, version, facts, published_through FROM lake.hours;

DELETE FROM hot.loaded_hours
WHERE event_hour >= TIMESTAMP '2026-11-24 00:00:00' AND event_hour < TIMESTAMP '2026-11-25 00:00:00';

INSERT INTO hot.loaded_hours (event_hour, version, facts)
SELECT event_hour, version, facts FROM arriving_hours
WHERE event_hour >= TIMESTAMP '2026-11-24 00:00:00' AND event_hour < TIMESTAMP '2026-11-25 00:00:00';

DELETE FROM hot.fact_clicks
WHERE event_timestamp >= TIMESTAMP '2026-11-24 00:00:00' AND event_timestamp < TIMESTAMP '2026-11-25 00:00:00';

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
  click_id,
  user_id,
  session_id,
  event_type,
  event_timestamp,
  device_type,
  page_url,
  referrer_url,
  JSON_PARSE(metadata) AS metadata,
  year,
  month,
  day,
  hour,
  producer_id,
  producer_seq,
  source_object,
  source_line
FROM lake.fact_clicks
WHERE event_timestamp >= TIMESTAMP '2026-11-24 00:00:00' AND event_timestamp < TIMESTAMP '2026-11-25 00:00:00'
  AND (year = 2026 AND month = 11 AND day = 24);

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
