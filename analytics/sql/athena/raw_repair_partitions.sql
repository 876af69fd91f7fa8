-- Adds every hour that has a folder to the table without projection.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- It lists the whole prefix to find them, and so takes longer from month to month, and times out in the end: add hours
-- by raw_add_partitions.sql as they come, and keep this for the first time. It removes none. Cost: S3 asks for the
-- listing, a request for each 1,000 objects.
MSCK REPAIR TABLE `clickstream_raw`.`click_events_raw_partitions`
