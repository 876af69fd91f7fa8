-- How large are orders: how many, on the average, the median and the ninth decile, by currency?
--
-- An order that was told twice, by two events with one `order_id`, counts once. The median and the ninth decile are orders
-- that were placed, not values between two of them.
WITH purchases AS (
    SELECT event_timestamp,
           element_at(metadata, 'order_id') AS order_id,
           element_at(metadata, 'currency') AS currency,
           TRY_CAST(regexp_extract(element_at(metadata, 'amount_minor'), '^-?[0-9]{1,18}$') AS bigint) AS amount_minor
    FROM fact_clicks
    WHERE year = 2026 AND month = 11 AND day = 24 AND event_type = 'purchase'
),
told AS (
    SELECT *, row_number() OVER (PARTITION BY order_id ORDER BY event_timestamp, currency, amount_minor) AS telling
    FROM purchases
),
ranked AS (
    SELECT currency,
           amount_minor,
           row_number() OVER (PARTITION BY currency ORDER BY amount_minor) AS place,
           count(*) OVER (PARTITION BY currency) AS orders
    FROM told
    WHERE (telling = 1 OR order_id IS NULL) AND amount_minor IS NOT NULL
)
SELECT currency,
       max(orders) AS orders,
       CAST(sum(amount_minor) AS double) / max(orders) AS average_minor,
       min(CASE WHEN place * 100 >= orders * 50 THEN amount_minor END) AS median_minor,
       min(CASE WHEN place * 100 >= orders * 90 THEN amount_minor END) AS p90_minor,
       max(amount_minor) AS largest_minor
FROM ranked
GROUP BY currency
ORDER BY orders DESC, currency NULLS LAST
