-- How much is sold in each hour of a day, by currency?
--
-- `revenue` is exact, in the currency's own unit. Amounts that are no whole number of minor units are counted in
-- `without_amount` and in nothing else; money of different currencies is never added up.
SELECT hour,
       currency,
       count(*) AS purchases,
       count_if(amount_minor IS NULL) AS without_amount,
       sum(amount_minor) AS revenue_minor,
       -- ISO 4217: how much of a currency its minor unit is.
       sum(amount_minor) * CAST(CASE
           WHEN currency IS NULL THEN NULL
           WHEN currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND',
                             'VUV', 'XAF', 'XOF', 'XPF') THEN 1
           WHEN currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 0.001
           WHEN currency IN ('CLF', 'UYW') THEN 0.0001
           ELSE 0.01 END AS decimal(5, 4)) AS revenue
FROM (
    SELECT hour,
           element_at(metadata, 'currency') AS currency,
           TRY_CAST(regexp_extract(element_at(metadata, 'amount_minor'), '^-?[0-9]{1,18}$') AS bigint) AS amount_minor
    FROM fact_clicks
    WHERE year = 2026 AND month = 11 AND day = 24 AND event_type = 'purchase'
)
GROUP BY hour, currency
ORDER BY hour, currency NULLS LAST
