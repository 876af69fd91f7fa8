-- Which users behave like machines, and what gives them away?
--
-- No sign is a proof: people open many pages too. More than one sign is worth a look, and nothing is left out of the
-- other answers because of it.
WITH events AS (
    SELECT user_id,
           event_type,
           page_url,
           element_at(metadata, 'user_agent') AS user_agent,
           count(*) OVER (PARTITION BY user_id, date_trunc('minute', event_timestamp)) AS in_the_minute
    FROM fact_clicks
    WHERE year = 2026 AND month = 11 AND day = 24
),
users AS (
    SELECT user_id,
           count(*) AS events,
           count(DISTINCT page_url) AS pages,
           count_if(event_type <> 'page_view') AS other_than_views,
           max(in_the_minute) AS most_in_a_minute,
           max(user_agent) AS user_agent
    FROM events
    GROUP BY user_id
),
signs AS (
    SELECT user_id,
           events,
           pages,
           most_in_a_minute,
           user_agent,
           CAST(filter(
               ARRAY[
                   CASE WHEN regexp_like(lower(user_agent), 'bot|crawl|spider|headless|python-|curl') THEN 'agent' END,
                   CASE WHEN most_in_a_minute >= 20 THEN 'pace' END,
                   CASE WHEN events >= 20 AND other_than_views = 0 THEN 'views only' END,
                   CASE WHEN pages >= 40 THEN 'breadth' END
               ],
               sign -> sign IS NOT NULL
           ) AS array(varchar)) AS found
    FROM users
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
