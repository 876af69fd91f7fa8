-- A day of raw events as a Parquet table, an hour a partition, to ask many questions of.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- Where the workgroup says where results go, as Terraform's does, the table's files go there as well and an
-- external_location is refused; whoever runs this needs rights of their own, since analysts only read. Drop the table
-- when you are done: its files stay, and end with the lifecycle of their bucket.
--
-- event_time is the instant, cut to milliseconds; event_timestamp stays as it came. A table from a query has 100
-- partitions at most, so a day of hours fits. Cost: the day is read once as JSON; each question after that reads only
-- the columns that it names, a small part of it. fact_clicks is such a table already, without duplicates.
CREATE TABLE clickstream_raw.click_events_2026_11_24
WITH (format = 'PARQUET', write_compression = 'SNAPPY', partitioned_by = ARRAY['hour'])
AS SELECT
  event_id,
  user_id,
  session_id,
  event_type,
  event_timestamp,
  device_type,
  page_url,
  referrer_url,
  metadata,
  producer_id,
  producer_seq,
  CAST(date_trunc('millisecond', coalesce(
    try(CAST(from_unixtime(CAST(event_timestamp AS bigint) / 1000e0) AT TIME ZONE 'UTC' AS timestamp(6))),
    try(CAST(from_iso8601_timestamp(event_timestamp) AT TIME ZONE 'UTC' AS timestamp(6)))
  )) AS timestamp(3)) AS event_time,
  hour
FROM clickstream_raw.click_events
WHERE year = 2026 AND month = 11 AND day = 24
