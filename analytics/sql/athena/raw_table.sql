-- The raw objects as a table: each line as it stands, hours by partition projection.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- With projection Athena works out the folders from the query's own conditions: no partition is ever added, and an hour
-- is there with its first object. Terraform makes this table already. Fields are text as they came; aliases are columns
-- of their own, which the view click_events folds in.
--
-- ignore.malformed.json: a line that is no JSON is a row of nulls, which count(*) counts and the view leaves out.
--
-- Cost: Athena asks money for the bytes that it reads. JSON is read whole, whatever columns are asked for, and so is a
-- gzip object: name the hours by year, month, day and hour. Ask fact_clicks where it has the answer. A query that names
-- no hours lists the folder of every hour of a century.
CREATE EXTERNAL TABLE IF NOT EXISTS `clickstream_raw`.`click_events_raw` (
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
  'storage.location.template' = 's3://RAW_BUCKET/clickstream/year=${year}/month=${month}/day=${day}/hour=${hour}/'
)
