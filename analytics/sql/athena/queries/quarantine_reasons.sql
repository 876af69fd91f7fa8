-- Why are lines no events, who delivers them, and what became of them?
--
-- Hours are those of arrival, as YYYYMMDDHH. What is neither repaired nor dismissed waits for somebody to decide:
-- `clickstream quarantine`.
WITH lines AS (
    SELECT reason,
           source_object,
           source_line,
           year * 1000000 + month * 10000 + day * 100 + hour AS arrival_hour,
           -- What Firehose delivers has the name of its stream; everything else was put there by others.
           coalesce(
               nullif(regexp_extract(source_object, '([^/]+)-[0-9]+-[0-9]{4}(-[0-9]{2}){5}-[0-9a-f-]{36}[^/]*$', 1), ''),
               'dropped file'
           ) AS delivered_by
    FROM quarantine
    WHERE year = 2026 AND month = 11
),
resolved AS (
    SELECT source_object, source_line, resolution
    FROM quarantine_resolutions
    WHERE year = 2026 AND month = 11
)
SELECT l.reason,
       l.delivered_by,
       count(*) AS lines,
       count(DISTINCT l.source_object) AS objects,
       count(CASE WHEN r.resolution = 'repaired' THEN 1 END) AS repaired,
       count(CASE WHEN r.resolution = 'dismissed' THEN 1 END) AS dismissed,
       count_if(r.resolution IS NULL) AS unresolved,
       min(l.arrival_hour) AS first_hour,
       max(l.arrival_hour) AS last_hour
FROM lines AS l
LEFT JOIN resolved AS r ON r.source_object = l.source_object AND r.source_line = l.source_line
GROUP BY l.reason, l.delivered_by
ORDER BY lines DESC, l.reason, l.delivered_by
