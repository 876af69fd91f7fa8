-- Which hot hours hold another version than the lake has now: what refresh_repaired_hours.sql loads again.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- An hour that was never loaded, since it was published after the boundary had passed it, is stale too; one that holds
-- nothing on both sides is not.
CREATE OR REPLACE VIEW hot.stale_hours AS
SELECT h.event_hour, h.state, h.version, h.facts, l.version AS loaded_version
FROM lake.hours AS h
LEFT JOIN hot.loaded_hours AS l ON l.event_hour = h.event_hour
WHERE h.event_hour >= (SELECT hot_from FROM hot.boundary) AND h.event_hour < (SELECT hot_until FROM hot.boundary)
  AND COALESCE(h.version, -1) <> COALESCE(l.version, -1)
WITH NO SCHEMA BINDING;
