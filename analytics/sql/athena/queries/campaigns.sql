-- Which campaigns bring sessions that buy?
--
-- The campaign of a session is the first that one of its events names, in `metadata` or as `utm_campaign` in the address;
-- of escapes in an address only those for a blank are undone. A session that goes on past midnight is cut there.
WITH named AS (
    SELECT user_id,
           session_id,
           event_type,
           event_timestamp,
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
               ORDER BY CASE WHEN campaign IS NULL THEN 1 ELSE 0 END, event_timestamp, campaign
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
