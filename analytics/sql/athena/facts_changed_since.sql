-- The hours of a day whose number of facts changed since a moment, by late events or a rollback.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- hour_changes says why. Cost: one column of the day twice; count(*) alone is answered by the files' metadata.
SELECT coalesce(later.hour, earlier.hour) AS hour,
       coalesce(earlier.clicks, 0) AS clicks_then,
       coalesce(later.clicks, 0) AS clicks_now
FROM (
  SELECT hour, count(*) AS clicks
  FROM clickstream.fact_clicks
  WHERE year = 2026 AND month = 11 AND day = 24
  GROUP BY hour
) AS later
FULL JOIN (
  SELECT hour, count(*) AS clicks
  FROM clickstream.fact_clicks FOR TIMESTAMP AS OF TIMESTAMP '2026-11-25 06:00:00 UTC'
  WHERE year = 2026 AND month = 11 AND day = 24
  GROUP BY hour
) AS earlier
  ON earlier.hour = later.hour
WHERE coalesce(earlier.clicks, 0) <> coalesce(later.clicks, 0)
ORDER BY hour
