-- The raw events: one column for each field, aliases folded in, without lines that are no event.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- Duplicates are in it, and late events stand in the hour of their arrival: fact_clicks has neither.
--
-- Cost: Athena asks money for the bytes that it reads. JSON is read whole, whatever columns are asked for, and so is a
-- gzip object: name the hours by year, month, day and hour. Ask fact_clicks where it has the answer.
CREATE OR REPLACE VIEW clickstream_raw.click_events AS
SELECT
  event_id,
  user_id,
  session_id,
  coalesce(event_type, action) AS event_type,
  coalesce(event_timestamp, timestamp) AS event_timestamp,
  device_type,
  page_url,
  referrer_url,
  metadata,
  producer_id,
  producer_seq,
  year,
  month,
  day,
  hour
FROM clickstream_raw.click_events_raw
WHERE user_id IS NOT NULL AND session_id IS NOT NULL
