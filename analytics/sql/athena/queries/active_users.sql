-- How many users are active on each day, how many of them are new, and how often do they come within a week?
--
-- Reads `user_hours`, a row for each user and hour, in place of the facts. A week is the day and the six before it;
-- `stickiness` is the share of the week's users who came on the day.
WITH active AS (
    SELECT DISTINCT user_id, CAST(first_seen AS date) AS active_day
    FROM user_hours
    WHERE (year = 2026 AND month = 11) OR (year = 2026 AND month = 10 AND day >= 26)
),
weeks AS (
    -- Who came on a day is counted on that day and on the six after it.
    SELECT a.user_id,
           a.active_day,
           CAST(date_add('day', t.later, a.active_day) AS date) AS counted_day,
           CAST(u.first_seen AS date) AS first_day
    FROM active AS a
    JOIN dim_users AS u ON u.user_id = a.user_id
    CROSS JOIN UNNEST(sequence(0, 6)) AS t (later)
)
SELECT counted_day,
       count_if(active_day = counted_day) AS daily_users,
       count_if(active_day = counted_day AND first_day = counted_day) AS new_users,
       count_if(active_day = counted_day AND first_day <> counted_day) AS returning_users,
       count(DISTINCT user_id) AS weekly_users,
       CAST(count_if(active_day = counted_day) AS double) / count(DISTINCT user_id) AS stickiness
FROM weeks
WHERE counted_day >= DATE '2026-11-01'
GROUP BY counted_day
HAVING count_if(active_day = counted_day) > 0
ORDER BY counted_day
