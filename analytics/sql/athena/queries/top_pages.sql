-- Which pages are seen most, and by how many users?
--
-- Addresses count as they are, with their query strings.
SELECT page_url,
       count(*) AS views,
       count(DISTINCT user_id) AS users
FROM fact_clicks
WHERE year = 2026 AND month = 11 AND day = 24 AND event_type = 'page_view' AND page_url IS NOT NULL
GROUP BY page_url
ORDER BY views DESC, page_url
LIMIT 20
