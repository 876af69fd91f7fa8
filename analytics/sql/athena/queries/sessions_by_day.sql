-- How many sessions has each day, with an end after thirty minutes of nothing, and how long are they?
--
-- Sessions here are made from the pauses, whatever the tracker says, and belong to the day on which they begin. The last
-- event of a session has no length, so a session of one event takes 0 seconds.
WITH gaps AS (
    SELECT user_id,
           event_timestamp,
           lag(event_timestamp) OVER (PARTITION BY user_id ORDER BY event_timestamp) AS before
    FROM fact_clicks
    WHERE year = 2026 AND month = 11
),
numbered AS (
    SELECT user_id,
           event_timestamp,
           sum(CASE WHEN before IS NULL OR event_timestamp > before + INTERVAL '30' MINUTE THEN 1 ELSE 0 END) OVER (
               PARTITION BY user_id ORDER BY event_timestamp
           ) AS session
    FROM gaps
),
sessions AS (
    SELECT CAST(min(event_timestamp) AS date) AS session_day,
           user_id,
           session,
           count(*) AS events,
           date_diff(
               'millisecond',
               date_trunc('millisecond', min(event_timestamp)),
               date_trunc('millisecond', max(event_timestamp))
           ) AS took_ms
    FROM numbered
    GROUP BY user_id, session
),
ranked AS (
    SELECT *,
           row_number() OVER (PARTITION BY session_day ORDER BY events, user_id, session) AS place_by_events,
           row_number() OVER (PARTITION BY session_day ORDER BY took_ms, user_id, session) AS place_by_time,
           count(*) OVER (PARTITION BY session_day) AS sessions
    FROM sessions
)
SELECT session_day,
       max(sessions) AS sessions,
       count(DISTINCT user_id) AS users,
       min(CASE WHEN place_by_events * 100 >= sessions * 50 THEN events END) AS events_p50,
       min(CASE WHEN place_by_events * 100 >= sessions * 95 THEN events END) AS events_p95,
       CAST(sum(took_ms) AS double) / max(sessions) / 1000 AS average_s,
       CAST(min(CASE WHEN place_by_time * 100 >= sessions * 50 THEN took_ms END) AS double) / 1000 AS p50_s,
       CAST(min(CASE WHEN place_by_time * 100 >= sessions * 95 THEN took_ms END) AS double) / 1000 AS p95_s
FROM ranked
GROUP BY session_day
ORDER BY session_day
