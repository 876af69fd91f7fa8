-- Hours whose rows in the hot table are not as many as the version that was loaded had; none is right.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- An hour that was repaired in the moment between its version and its facts shows here, and is stale as well:
-- refresh_repaired_hours.sql mends it.
SELECT l.event_hour, l.version, l.facts AS published, COALESCE(f.facts, 0) AS hot
FROM hot.loaded_hours AS l
LEFT JOIN (
  SELECT DATE_TRUNC('hour', event_timestamp) AS event_hour, COUNT(*) AS facts
  FROM hot.fact_clicks
  GROUP BY 1
) AS f ON f.event_hour = l.event_hour
WHERE l.facts <> COALESCE(f.facts, 0)
ORDER BY l.event_hour;
