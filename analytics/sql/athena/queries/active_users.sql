-- How many users are active on each day, how many of them are new, and how often do they come within a week?
--
-- Reads `user_hours`, a row for each user and hour, in place of the facts. A week is the day and the six before it;
-- `stickiness` is the share of the week's users who came on the day.
WITH active AS (
    SELECT DISTINCT user_id, CAST(first_seen AS date) AS active_day
    FROM user_hours
    WHERE (year = 2026 AND month = 11) OR (year = 2026 AND month = 10 AND day >= 26)
),
days AS (
    SELECT DISTINCT active_day FROM active WHERE active_day >= DATE '2026-11-01'
),
daily AS (
    SELECT a.active_day,
           count(*) AS users,
           count_if(CAST(u.first_seen AS date) = a.active_day) AS new_users
    FROM active AS a
    JOIN dim_users AS u ON u.user_id = a.user_id
    GROUP BY a.active_day
),
weekly AS (
    SELECT d.active_day, count(DISTINCT a.user_id) AS users
    FROM days AS d
    JOIN active AS a ON a.active_day BETWEEN date_add('day', -6, d.active_day) AND d.active_day
    GROUP BY d.active_day
)
SELECT d.active_day,
       d.users AS daily_users,
       d.new_users,
       d.users - d.new_users AS returning_users,
       w.users AS weekly_users,
       CAST(d.users AS double) / w.users AS stickiness
FROM daily AS d
JOIN weekly AS w ON w.active_day = d.active_day
ORDER BY d.active_day
