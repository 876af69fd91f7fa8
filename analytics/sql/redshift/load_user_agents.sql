-- Loads what the user agents tell from the lake, whole.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- Run it after `clickstream enrich`, which makes the table: before the first time there is nothing to load.
BEGIN;

UPDATE hot.boundary SET moved_at = GETDATE();

DELETE FROM hot.dim_user_agents;

INSERT INTO hot.dim_user_agents (
  user_agent,
  browser,
  browser_version,
  os,
  os_version,
  device,
  is_bot,
  rules_version
)
SELECT
  user_agent,
  browser,
  browser_version,
  os,
  os_version,
  device,
  is_bot,
  rules_version
FROM lake.dim_user_agents;

COMMIT;
