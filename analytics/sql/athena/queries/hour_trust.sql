-- How complete is each hour of a day, how much of it came late, and what do the checks say?
--
-- `late_lines` arrived later than in the hour after their own. `failed_checks` are those of the run that judged
-- the hour last. An hour that is not `published` or `repaired` is not complete yet.
WITH read_hours AS (
    SELECT arrival_hour, element_at(hours, place) AS part
    FROM raw_objects
    -- A place for each hour that the object has lines of.
    CROSS JOIN UNNEST(sequence(1, greatest(1, cardinality(hours)))) AS t (place)
    WHERE arrival_hour >= TIMESTAMP '2026-11-23 00:00:00'
),
lines AS (
    SELECT part.event_hour AS event_hour,
           sum(part.accepted) AS accepted,
           sum(CASE WHEN arrival_hour > part.event_hour + INTERVAL '1' HOUR THEN part.accepted ELSE 0 END) AS late
    FROM read_hours
    GROUP BY part.event_hour
),
judged AS (
    SELECT event_hour,
           check_name,
           verdict,
           row_number() OVER (PARTITION BY event_hour, check_name ORDER BY checked_at DESC, run_id DESC) AS place
    FROM dq_results
    WHERE year = 2026 AND month = 11 AND day = 24
),
failed AS (
    SELECT event_hour, array_join(array_agg(check_name ORDER BY check_name), ', ') AS checks
    FROM judged
    WHERE place = 1 AND verdict = 'failed'
    GROUP BY event_hour
)
SELECT h.event_hour,
       h.state,
       h.facts,
       h.conflicts,
       l.accepted - h.facts - h.conflicts - h.waiting_lines AS duplicates,
       h.waiting_lines,
       l.late AS late_lines,
       CAST(l.late AS double) / l.accepted AS late_share,
       h.changes,
       coalesce(f.checks, '') AS failed_checks
FROM hours AS h
LEFT JOIN lines AS l ON l.event_hour = h.event_hour
LEFT JOIN failed AS f ON f.event_hour = h.event_hour
WHERE h.year = 2026 AND h.month = 11 AND h.day = 24
ORDER BY h.event_hour
