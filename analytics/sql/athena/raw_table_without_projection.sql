-- The raw objects as a table whose hours are partitions that somebody adds.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- For engines that know no partition projection, such as Spark's own Hive reader and Redshift Spectrum. Such a table
-- holds no hour until it is added: by raw_add_partitions.sql hour by hour, or by raw_repair_partitions.sql.
--
-- Cost: Athena asks money for the bytes that it reads. JSON is read whole, whatever columns are asked for, and so is a
-- gzip object: name the hours by year, month, day and hour. Ask fact_clicks where it has the answer.
CREATE EXTERNAL TABLE IF NOT EXISTS `clickstream_raw`.`click_events_raw_partitions` (
  `event_id` string,
  `user_id` string,
  `session_id` string,
  `event_type` string,
  `action` string,
  `event_timestamp` string,
  `timestamp` string,
  `device_type` string,
  `page_url` string,
  `referrer_url` string,
  `metadata` map<string,string>,
  `producer_id` string,
  `producer_seq` bigint
)
PARTITIONED BY (`year` int, `month` int, `day` int, `hour` int)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
WITH SERDEPROPERTIES ('ignore.malformed.json' = 'true')
LOCATION 's3://RAW_BUCKET/clickstream/'
