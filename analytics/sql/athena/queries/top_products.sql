-- Which products are looked at and put into the cart most, and does the session buy afterwards?
--
-- `carts_bought` are the times that a product went into a cart of which the session bought something afterwards. Purchases
-- name no products, so whether it was this one is not known.
WITH shown AS (
    SELECT user_id,
           session_id,
           event_type,
           event_timestamp,
           element_at(metadata, 'product_id') AS product_id,
           max(CASE WHEN event_type = 'purchase' THEN event_timestamp END) OVER (
               PARTITION BY user_id, session_id
           ) AS bought_at
    FROM fact_clicks
    WHERE year = 2026 AND month = 11 AND day = 24
)
SELECT product_id,
       count_if(event_type = 'page_view') AS views,
       count(DISTINCT CASE WHEN event_type = 'page_view' THEN user_id END) AS viewers,
       count_if(event_type = 'add_to_cart') AS carts,
       count(CASE WHEN event_type = 'add_to_cart' AND bought_at >= event_timestamp THEN 1 END) AS carts_bought,
       CAST(count_if(event_type = 'add_to_cart') AS double) / nullif(count_if(event_type = 'page_view'), 0) AS carts_per_view
FROM shown
WHERE product_id IS NOT NULL
GROUP BY product_id
ORDER BY carts DESC, views DESC, product_id
LIMIT 20
