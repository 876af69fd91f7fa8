-- Purchases and revenue by hour and currency.
SELECT date_trunc('hour', event_timestamp) AS event_hour,
       element_at(metadata, 'currency') AS currency,
       count(*) AS purchases,
       sum(TRY_CAST(element_at(metadata, 'amount_minor') AS bigint)) / 100.0 AS revenue
FROM fact_clicks
WHERE event_type = 'purchase'
GROUP BY date_trunc('hour', event_timestamp), element_at(metadata, 'currency')
ORDER BY event_hour, currency
