-- What do people search for, and does the session buy afterwards?
--
-- Terms are compared in small letters, without blanks at either end; `+` and `%20` are blanks. A purchase counts for each
-- term that the session searched for before it.
WITH searches AS (
    SELECT user_id,
           session_id,
           event_timestamp,
           lower(trim(replace(replace(nullif(regexp_extract(page_url, '[?&]q=([^&#]*)', 1), ''), '+', ' '), '%20', ' '))) AS term
    FROM fact_clicks
    WHERE year = 2026 AND month = 11 AND day = 24 AND event_type = 'search'
),
bought AS (
    SELECT user_id, session_id, max(event_timestamp) AS bought_at
    FROM fact_clicks
    WHERE year = 2026 AND month = 11 AND day = 24 AND event_type = 'purchase'
    GROUP BY user_id, session_id
),
sessions AS (
    SELECT s.term,
           s.user_id,
           s.session_id,
           count(*) AS searches,
           coalesce(max(b.bought_at) > min(s.event_timestamp), false) AS is_bought
    FROM searches AS s
    LEFT JOIN bought AS b ON b.user_id = s.user_id AND b.session_id = s.session_id
    WHERE s.term IS NOT NULL
    GROUP BY s.term, s.user_id, s.session_id
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
