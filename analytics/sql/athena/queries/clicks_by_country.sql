-- How much do users do on a day, by the country that they are in now?
--
-- `dim_users` has the country of the user's latest event that names one. What was true at the time is another question:
-- `revenue_by_country`.
SELECT u.country,
       count(*) AS clicks,
       count(DISTINCT f.user_id) AS users,
       CAST(count(*) AS double) / count(DISTINCT f.user_id) AS clicks_per_user
FROM fact_clicks AS f
JOIN dim_users AS u ON u.user_id = f.user_id
WHERE f.year = 2026 AND f.month = 11 AND f.day = 24
GROUP BY u.country
ORDER BY clicks DESC, u.country NULLS LAST
