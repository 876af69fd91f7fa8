-- Which users behave like machines, and what gives them away?
--
-- No sign is a proof: people open many pages too. More than one sign is worth a look, and nothing is left out of the
-- other answers because of it.
WITH minutes AS (
    SELECT user_id, date_trunc('minute', event_timestamp) AS at_minute, count(*) AS events
    FROM fact_clicks
    WHERE year = 2026 AND month = 11 AND day = 24
    GROUP BY user_id, date_trunc('minute', event_timestamp)
),
busiest AS (
    SELECT user_id, max(events) AS most_in_a_minute FROM minutes GROUP BY user_id
),
users AS (
    SELECT user_id,
           count(*) AS events,
           count(DISTINCT page_url) AS pages,
           count_if(event_type <> 'page_view') AS other_than_views,
           max(element_at(metadata, 'user_agent')) AS user_agent
    FROM fact_clicks
    WHERE year = 2026 AND month = 11 AND day = 24
    GROUP BY user_id
),
signs AS (
    SELECT u.user_id,
           u.events,
           u.pages,
           b.most_in_a_minute,
           u.user_agent,
           filter(
               ARRAY[
                   CASE WHEN regexp_like(lower(u.user_agent), 'bot|crawl|spider|headless|python-|curl') THEN 'agent' END,
                   CASE WHEN b.most_in_a_minute >= 20 THEN 'pace' END,
                   CASE WHEN u.events >= 20 AND u.other_than_views = 0 THEN 'views only' END,
                   CASE WHEN u.pages >= 40 THEN 'breadth' END
               ],
               sign -> sign IS NOT NULL
           ) AS found
    FROM users AS u
    JOIN busiest AS b ON b.user_id = u.user_id
)
SELECT user_id,
       events,
       pages,
       most_in_a_minute,
       user_agent,
       array_join(found, ', ') AS signs
FROM signs
WHERE cardinality(found) > 0
ORDER BY cardinality(found) DESC, events DESC, user_id
LIMIT 50
