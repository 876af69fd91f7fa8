-- Adds hours to the table without projection, all in one statement.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- An hour that is there stays as it is, and one without objects has no rows. Values are written as the folders have
-- them, hour = '09' and not 9: raw_repair_partitions.sql names hours so, and an hour under two names is counted twice.
-- Cost: no object is read.
ALTER TABLE `clickstream_raw`.`click_events_raw_partitions` ADD IF NOT EXISTS
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '00')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=00/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '01')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=01/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '02')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=02/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '03')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=03/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '04')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=04/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '05')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=05/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '06')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=06/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '07')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=07/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '08')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=08/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '09')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=09/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '10')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=10/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '11')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=11/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '12')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=12/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '13')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=13/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '14')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=14/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '15')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=15/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '16')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=16/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '17')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=17/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '18')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=18/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '19')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=19/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '20')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=20/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '21')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=21/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '22')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=22/'
  PARTITION (`year` = '2026', `month` = '11', `day` = '24', `hour` = '23')
    LOCATION 's3://RAW_BUCKET/clickstream/year=2026/month=11/day=24/hour=23/'
