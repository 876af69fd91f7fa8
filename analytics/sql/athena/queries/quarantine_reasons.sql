-- Why are lines no events, and whose are they?
--
-- By who delivered the object: a Firehose stream, or others who put files. `share` is of all lines that they delivered
-- in the month, blank ones left out. Hours are those of arrival, as YYYYMMDDHH. What became of a line is in `quarantine_resolutions`.
WITH delivered AS (
    SELECT key AS source_object,
           -- What Firehose delivers has the name of its stream.
           coalesce(
               nullif(regexp_extract(key, '([^/]+)-[0-9]+-[0-9]{4}[0-9-]{15}-[0-9a-f-]{36}[^/]*$', 1), ''),
               'dropped file'
           ) AS delivered_by,
           accepted + quarantined AS lines
    FROM raw_objects
    WHERE year = 2026 AND month = 11
),
totals AS (
    SELECT delivered_by, sum(lines) AS lines FROM delivered GROUP BY delivered_by
),
broken AS (
    SELECT source_object, reason, year * 1000000 + month * 10000 + day * 100 + hour AS arrival_hour
    FROM quarantine
    WHERE year = 2026 AND month = 11
)
SELECT b.reason,
       d.delivered_by,
       count(*) AS lines,
       count(DISTINCT b.source_object) AS objects,
       CAST(count(*) AS double) / max(t.lines) AS share,
       min(b.arrival_hour) AS first_hour,
       max(b.arrival_hour) AS last_hour
FROM broken AS b
JOIN delivered AS d ON d.source_object = b.source_object
JOIN totals AS t ON t.delivered_by = d.delivered_by
GROUP BY b.reason, d.delivered_by
ORDER BY lines DESC, b.reason, d.delivered_by
