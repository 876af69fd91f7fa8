-- What is bought from which country, by the country that a user was in at the time?
--
-- `dim_users_history` has exactly one period for each event of a user, so a user who moves takes no past purchase along.
-- `by_users_elsewhere_now` are the purchases that a join with `dim_users` would put into another country.
SELECT h.country,
       p.currency,
       count(*) AS purchases,
       count(DISTINCT p.user_id) AS buyers,
       sum(p.amount_minor) AS revenue_minor,
       count(CASE WHEN u.country <> h.country THEN 1 END) AS by_users_elsewhere_now
FROM (
    SELECT user_id,
           event_timestamp,
           element_at(metadata, 'currency') AS currency,
           TRY_CAST(regexp_extract(element_at(metadata, 'amount_minor'), '^-?[0-9]{1,18}$') AS bigint) AS amount_minor
    FROM fact_clicks
    WHERE year = 2026 AND month = 11 AND event_type = 'purchase'
) AS p
JOIN dim_users_history AS h
    ON h.user_id = p.user_id
    AND p.event_timestamp >= h.valid_from
    AND (h.valid_to IS NULL OR p.event_timestamp < h.valid_to)
JOIN dim_users AS u ON u.user_id = p.user_id
GROUP BY h.country, p.currency
ORDER BY h.country NULLS LAST, p.currency NULLS LAST
