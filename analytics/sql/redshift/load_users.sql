-- Loads the users and their history from the lake, whole.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- DELETE and not TRUNCATE, which would commit: readers never find the tables empty. Run it after facts were loaded;
-- until then the newest users have facts and no row, so join them by LEFT JOIN.
SET json_serialization_enable TO true;

BEGIN;

UPDATE hot.boundary SET moved_at = GETDATE();

DELETE FROM hot.dim_users;

INSERT INTO hot.dim_users (
  user_id,
  country,
  signup_date,
  device_preferences,
  device_events,
  last_seen,
  first_seen,
  events
)
SELECT
  user_id,
  country,
  signup_date,
  JSON_PARSE(device_preferences) AS device_preferences,
  JSON_PARSE(device_events) AS device_events,
  last_seen,
  first_seen,
  events
FROM lake.dim_users;

DELETE FROM hot.dim_users_history;

INSERT INTO hot.dim_users_history (
  user_id,
  country,
  signup_date,
  valid_from,
  valid_to
)
SELECT
  user_id,
  country,
  signup_date,
  valid_from,
  valid_to
FROM lake.dim_users_history;

COMMIT;
