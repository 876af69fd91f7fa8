-- Purchases and revenue by hour and currency. Amounts are kept in minor units; ISO 4217 says which currencies have none.
SELECT event_hour,
       currency,
       count(*) AS purchases,
       sum(amount_minor) / CASE WHEN currency IN ('CLP', 'JPY', 'KRW', 'PYG', 'UGX', 'VND', 'XAF', 'XOF', 'XPF')
                                THEN 1.0 ELSE 100.0 END AS revenue
FROM (
    SELECT date_trunc('hour', event_timestamp) AS event_hour,
           element_at(metadata, 'currency') AS currency,
           TRY_CAST(element_at(metadata, 'amount_minor') AS bigint) AS amount_minor
    FROM fact_clicks
    WHERE event_type = 'purchase'
)
GROUP BY event_hour, currency
ORDER BY event_hour, currency
