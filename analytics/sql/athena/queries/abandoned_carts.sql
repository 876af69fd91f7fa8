-- How many carts are left behind on each day of a month, and which products are in them?
--
-- A cart is abandoned when the session buys nothing after it put in the last product. `products_left` counts a product once
-- for each time it was put into such a cart.
WITH sessions AS (
    SELECT day,
           user_id,
           session_id,
           max(CASE WHEN event_type = 'add_to_cart' THEN event_timestamp END) AS filled_at,
           max(CASE WHEN event_type = 'purchase' THEN event_timestamp END) AS bought_at,
           CAST(array_agg(element_at(metadata, 'product_id')) FILTER (
               WHERE event_type = 'add_to_cart' AND element_at(metadata, 'product_id') IS NOT NULL
           ) AS array(varchar)) AS products
    FROM fact_clicks
    WHERE year = 2026 AND month = 11 AND event_type IN ('add_to_cart', 'purchase')
    GROUP BY day, user_id, session_id
),
carts AS (
    SELECT day,
           products,
           bought_at IS NULL OR bought_at < filled_at AS is_abandoned
    FROM sessions
    WHERE filled_at IS NOT NULL
)
SELECT day,
       count(*) AS carts,
       count_if(is_abandoned) AS abandoned,
       CAST(count_if(is_abandoned) AS double) / count(*) AS abandonment,
       coalesce(sum(CASE WHEN is_abandoned THEN cardinality(products) END), 0) AS products_left,
       coalesce(
           cardinality(CAST(array_distinct(flatten(
               array_agg(products) FILTER (WHERE is_abandoned AND products IS NOT NULL)
           )) AS array(varchar))),
           0
       ) AS distinct_products_left
FROM carts
GROUP BY day
ORDER BY day
