-- Of the users who came for the first time in a week, how many are back in each week after it?
--
-- Weeks begin on Monday, UTC. The first week of a cohort is 1 by definition, and the latest week is not over. Reads two
-- small tables, whatever the number of events.
WITH active AS (
    SELECT DISTINCT user_id, date_trunc('week', first_seen) AS active_week FROM user_hours
),
cohorts AS (
    SELECT user_id, date_trunc('week', first_seen) AS first_week FROM dim_users
),
sizes AS (
    SELECT first_week, count(*) AS users FROM cohorts GROUP BY first_week
)
SELECT CAST(c.first_week AS date) AS first_week,
       date_diff('day', c.first_week, a.active_week) / 7 AS weeks_later,
       max(s.users) AS cohort,
       count(*) AS users,
       CAST(count(*) AS double) / max(s.users) AS retention
FROM active AS a
JOIN cohorts AS c ON c.user_id = a.user_id
JOIN sizes AS s ON s.first_week = c.first_week
GROUP BY c.first_week, date_diff('day', c.first_week, a.active_week) / 7
ORDER BY first_week, weeks_later
