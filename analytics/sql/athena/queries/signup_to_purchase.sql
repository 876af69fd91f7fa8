-- How many of those who sign up buy afterwards, and how soon?
--
-- Of a user the first sign-up of the month counts, and the first purchase from then on. Those who signed up yesterday have
-- had less time to buy than those who did so three weeks ago.
WITH signups AS (
    SELECT user_id, min(event_timestamp) AS signed_up_at
    FROM fact_clicks
    WHERE year = 2026 AND month = 11 AND event_type = 'signup'
    GROUP BY user_id
),
users AS (
    SELECT s.user_id,
           CAST(s.signed_up_at AS date) AS signup_day,
           date_diff(
               'millisecond',
               date_trunc('millisecond', s.signed_up_at),
               date_trunc('millisecond', min(p.event_timestamp))
           ) AS took_ms
    FROM signups AS s
    LEFT JOIN fact_clicks AS p
        ON p.user_id = s.user_id
        AND p.event_type = 'purchase'
        AND p.year = 2026 AND p.month = 11
        AND p.event_timestamp >= s.signed_up_at
    GROUP BY s.user_id, s.signed_up_at
),
ranked AS (
    SELECT signup_day,
           took_ms,
           row_number() OVER (PARTITION BY signup_day ORDER BY took_ms NULLS LAST, user_id) AS place,
           count(took_ms) OVER (PARTITION BY signup_day) AS buyers
    FROM users
)
SELECT signup_day,
       count(*) AS signups,
       max(buyers) AS buyers,
       CAST(max(buyers) AS double) / count(*) AS conversion,
       CAST(min(took_ms) AS double) / 1000 AS quickest_s,
       CAST(min(CASE WHEN place * 2 >= buyers THEN took_ms END) AS double) / 1000 AS median_s
FROM ranked
GROUP BY signup_day
ORDER BY signup_day
