-- What do people search for, and does the session buy afterwards?
--
-- Terms are compared in small letters, without blanks at either end; `+` and `%20` are blanks. A purchase counts for each
-- term that the session searched for before it.
WITH events AS (
    SELECT user_id,
           session_id,
           event_type,
           event_timestamp,
           lower(trim(replace(replace(nullif(regexp_extract(page_url, '[?&]q=([^&#]*)', 1), ''), '+', ' '), '%20', ' '))) AS term,
           max(CASE WHEN event_type = 'purchase' THEN event_timestamp END) OVER (
               PARTITION BY user_id, session_id
           ) AS bought_at
    FROM fact_clicks
    WHERE year = 2026 AND month = 11 AND day = 24 AND event_type IN ('search', 'purchase')
),
sessions AS (
    SELECT term,
           user_id,
           session_id,
           count(*) AS searches,
           coalesce(max(bought_at) > min(event_timestamp), false) AS is_bought
    FROM events
    WHERE event_type = 'search' AND term IS NOT NULL
    GROUP BY term, user_id, session_id
)
SELECT term,
       sum(searches) AS searches,
       count(*) AS sessions,
       count_if(is_bought) AS sessions_that_bought,
       CAST(count_if(is_bought) AS double) / count(*) AS conversion
FROM sessions
GROUP BY term
ORDER BY searches DESC, term
LIMIT 20
