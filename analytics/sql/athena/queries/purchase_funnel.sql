-- How many sessions view, fill a cart, go to the checkout and buy, where a step may be missing?
--
-- A session has reached a step when it shows that step or a later one: real traffic loses steps, so `passed_over` says how
-- many sessions went on without showing it. Sessions are those of the tracker.
WITH sessions AS (
    SELECT user_id,
           session_id,
           array_agg(DISTINCT event_type) AS did,
           max(CASE event_type
               WHEN 'page_view' THEN 1 WHEN 'add_to_cart' THEN 2 WHEN 'checkout' THEN 3 WHEN 'purchase' THEN 4
           END) AS furthest
    FROM fact_clicks
    WHERE year = 2026 AND month = 11 AND day = 24
    GROUP BY user_id, session_id
),
steps AS (
    SELECT s.number,
           s.step,
           count(CASE WHEN furthest >= s.number THEN 1 END) AS reached,
           count_if(contains(did, s.step)) AS seen,
           count(CASE WHEN furthest >= s.number AND NOT contains(did, s.step) THEN 1 END) AS passed_over
    FROM sessions
    CROSS JOIN (VALUES (1, 'page_view'), (2, 'add_to_cart'), (3, 'checkout'), (4, 'purchase')) AS s (number, step)
    GROUP BY s.number, s.step
)
SELECT number,
       step,
       reached,
       seen,
       passed_over,
       CAST(reached AS double) / nullif(lag(reached) OVER (ORDER BY number), 0) AS of_step_before,
       CAST(reached AS double) / nullif(first_value(reached) OVER (ORDER BY number), 0) AS of_first_step
FROM steps
ORDER BY number
