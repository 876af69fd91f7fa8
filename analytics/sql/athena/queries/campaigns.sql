-- Which campaigns bring sessions that buy?
WITH named AS (
    SELECT user_id,
           session_id,
           event_type,
           event_timestamp,
           click_id,
           coalesce(
               nullif(element_at(metadata, 'campaign'), ''),
               nullif(replace(replace(regexp_extract(page_url, '[?&]utm_campaign=([^&#]*)', 1), '+', ' '), '%20', ' '), '')
           ) AS campaign
    FROM fact_clicks
    WHERE year = 2026 AND month = 11 AND day = 24
),
ordered AS (
    SELECT *,
           row_number() OVER (
               PARTITION BY user_id, session_id
               ORDER BY CASE WHEN campaign IS NULL THEN 1 ELSE 0 END, event_timestamp, click_id
           ) AS place
    FROM named
),
sessions AS (
    SELECT user_id,
           session_id,
           max(CASE WHEN place = 1 THEN campaign END) AS campaign,
           count_if(event_type = 'purchase') AS purchases
    FROM ordered
    GROUP BY user_id, session_id
)
SELECT coalesce(campaign, '(none)') AS campaign,
       count(*) AS sessions,
       count(DISTINCT user_id) AS users,
       count_if(purchases > 0) AS buying_sessions,
       sum(purchases) AS purchases,
       CAST(count_if(purchases > 0) AS double) / count(*) AS conversion
FROM sessions
GROUP BY coalesce(campaign, '(none)')
ORDER BY sessions DESC, campaign
