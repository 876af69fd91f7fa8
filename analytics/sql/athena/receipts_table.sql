-- The receipts of published alerts as a table: each line as it stands, hours by partition projection.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- An alert that was published again has several lines; the view purchase_alerts has one for each message. Terraform
-- makes this table already.
--
-- Cost: Athena asks money for the bytes that it reads. JSON is read whole, whatever columns are asked for, and so is a
-- gzip object: name the hours by year, month, day and hour.
CREATE EXTERNAL TABLE IF NOT EXISTS `clickstream_raw`.`purchase_receipts` (
  `schema_version` string,
  `event_id` string,
  `event_type` string,
  `user_id` string,
  `session_id` string,
  `event_timestamp` string,
  `arrival_timestamp` string,
  `order_id` string,
  `amount_minor` bigint,
  `currency` string,
  `country` string,
  `product_id` string,
  `page_url` string,
  `device_type` string,
  `rule` string,
  `maybe_repeat` boolean,
  `message_id` string,
  `published_timestamp` string,
  `latency_ms` double
)
PARTITIONED BY (`year` int, `month` int, `day` int, `hour` int)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
WITH SERDEPROPERTIES ('ignore.malformed.json' = 'true')
LOCATION 's3://CURATED_BUCKET/purchases/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.year.type' = 'integer',
  'projection.year.range' = '2000,2100',
  'projection.year.digits' = '4',
  'projection.month.type' = 'integer',
  'projection.month.range' = '1,12',
  'projection.month.digits' = '2',
  'projection.day.type' = 'integer',
  'projection.day.range' = '1,31',
  'projection.day.digits' = '2',
  'projection.hour.type' = 'integer',
  'projection.hour.range' = '0,23',
  'projection.hour.digits' = '2',
  'storage.location.template' = 's3://CURATED_BUCKET/purchases/year=${year}/month=${month}/day=${day}/hour=${hour}/'
)
