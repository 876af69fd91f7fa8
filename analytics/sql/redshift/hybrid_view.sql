-- Facts as one view: recent ones from the hot table, all others from the lake; and the dimensions beside them.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- The boundary moves in the transaction that moves the rows, and a query sees one state of both: each hour is answered
-- by exactly one side. A hot hour that was repaired is as it was loaded until refresh_repaired_hours.sql.
--
-- WITH NO SCHEMA BINDING: a view over an external table has to be of this kind. Nothing checks it when a table is
-- dropped. Ask it in a session that says SET json_serialization_enable TO true; name the time by event_timestamp, and
-- also by year, month and day where it is the lake's, so that Spectrum reads only those days.
CREATE OR REPLACE VIEW mart.fact_clicks AS
SELECT
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
FROM hot.fact_clicks
WHERE event_timestamp >= (SELECT hot_from FROM hot.boundary) AND event_timestamp < (SELECT hot_until FROM hot.boundary)
UNION ALL
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
WHERE event_timestamp < (SELECT hot_from FROM hot.boundary) OR event_timestamp >= (SELECT hot_until FROM hot.boundary)
WITH NO SCHEMA BINDING;

CREATE OR REPLACE VIEW mart.dim_users AS
SELECT
  user_id,
  country,
  signup_date,
  device_preferences,
  device_events,
  last_seen,
  first_seen,
  events
FROM hot.dim_users
WITH NO SCHEMA BINDING;

CREATE OR REPLACE VIEW mart.dim_users_history AS
SELECT
  user_id,
  country,
  signup_date,
  valid_from,
  valid_to
FROM hot.dim_users_history
WITH NO SCHEMA BINDING;

CREATE OR REPLACE VIEW mart.dim_user_agents AS
SELECT
  user_agent,
  browser,
  browser_version,
  os,
  os_version,
  device,
  is_bot,
  rules_version
FROM hot.dim_user_agents
WITH NO SCHEMA BINDING;
