-- Lets go of hot facts that are older than 35 days; the lake goes on to answer for them.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- Days count from the end of the hot range, not from now: a warehouse that was not loaded for a while loses nothing.
-- The boundary moves in the same transaction, so no hour is in both or in neither. VACUUM gives the room back; it
-- cannot be in a transaction.
BEGIN;

UPDATE hot.boundary
SET hot_from = GREATEST(hot_from, DATEADD(day, -35, hot_until)), moved_at = GETDATE();

DELETE FROM hot.fact_clicks
WHERE event_timestamp < (SELECT hot_from FROM hot.boundary);

DELETE FROM hot.loaded_hours
WHERE event_hour < (SELECT hot_from FROM hot.boundary);

COMMIT;

VACUUM DELETE ONLY hot.fact_clicks;
