-- The facts of a day as they were at a moment: each republished hour as it was then.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- Snapshots are kept for as long as `clickstream maintain` keeps them; before the first one there is nothing to ask. A
-- snapshot's own number works as well: FOR VERSION AS OF, with one from facts_snapshots.sql.
--
-- Cost: as of today's facts, the files of the day.
SELECT event_type, count(*) AS clicks, count(DISTINCT user_id) AS users
FROM clickstream.fact_clicks FOR TIMESTAMP AS OF TIMESTAMP '2026-11-25 06:00:00 UTC'
WHERE (year = 2026 AND month = 11 AND day = 24)
GROUP BY event_type
ORDER BY clicks DESC, event_type
