-- The facts of 1 user in 100, whole users, as a small table to try things on.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- Where the workgroup says where results go, as Terraform's does, the table's files go there as well and an
-- external_location is refused; whoever runs this needs rights of their own, since analysts only read. Drop the table
-- when you are done: its files stay, and end with the lifecycle of their bucket.
--
-- Users are picked by a hash of their id: the same ones each time, with all that they did, so that sessions and funnels
-- stay whole. Timestamps are cut to milliseconds, which is all that a table of Hive's kind has. Cost: the days are read
-- once, all columns.
CREATE TABLE clickstream_raw.fact_clicks_sample
WITH (format = 'PARQUET', write_compression = 'SNAPPY')
AS SELECT
  click_id,
  user_id,
  session_id,
  event_type,
  CAST(date_trunc('millisecond', event_timestamp) AS timestamp(3)) AS event_timestamp,
  device_type,
  page_url,
  referrer_url,
  metadata,
  producer_id,
  producer_seq,
  source_object,
  source_line,
  year,
  month,
  day,
  hour
FROM clickstream.fact_clicks
WHERE (year = 2026 AND month = 11 AND day = 24)
  AND crc32(to_utf8(user_id)) % 100 < 1
