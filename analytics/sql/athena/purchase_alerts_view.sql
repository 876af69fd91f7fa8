-- The published alerts: one row, the earliest receipt, for each message of an hour.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- Cost: name the hours by year, month, day and hour; they reach through the view to the folders.
CREATE OR REPLACE VIEW clickstream_raw.purchase_alerts AS
SELECT
  schema_version,
  event_id,
  event_type,
  user_id,
  session_id,
  event_timestamp,
  arrival_timestamp,
  order_id,
  amount_minor,
  currency,
  country,
  product_id,
  page_url,
  device_type,
  coalesce(rule, 'purchase') AS rule,
  coalesce(maybe_repeat, false) AS maybe_repeat,
  message_id,
  published_timestamp,
  latency_ms,
  year,
  month,
  day,
  hour
FROM (
  SELECT *, row_number() OVER (
    PARTITION BY year, month, day, hour, message_id ORDER BY published_timestamp, event_id, rule
  ) AS receipt_number
  FROM clickstream_raw.purchase_receipts
  WHERE message_id IS NOT NULL
)
WHERE receipt_number = 1
