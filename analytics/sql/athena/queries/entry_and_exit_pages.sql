-- On which pages do sessions begin and end, and how many see no other?
--
-- Of the page views of a session, the first is its entry and the last its exit; query strings are left out. `only_page` are
-- sessions with one page view.
WITH pages AS (
    SELECT user_id,
           session_id,
           regexp_extract(page_url, '^[^?#]+') AS page,
           row_number() OVER (PARTITION BY user_id, session_id ORDER BY event_timestamp, page_url) AS from_start,
           row_number() OVER (PARTITION BY user_id, session_id ORDER BY event_timestamp DESC, page_url DESC) AS from_end
    FROM fact_clicks
    WHERE year = 2026 AND month = 11 AND day = 24 AND event_type = 'page_view' AND page_url IS NOT NULL
)
SELECT page,
       count_if(from_start = 1) AS entries,
       count_if(from_end = 1) AS exits,
       count_if(from_start = 1 AND from_end = 1) AS only_page,
       count(*) AS views,
       CAST(count_if(from_end = 1) AS double) / count(*) AS exit_rate
FROM pages
GROUP BY page
ORDER BY entries DESC, exits DESC, page
LIMIT 20
