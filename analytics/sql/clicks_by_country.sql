-- Clicks per user per day by country.
SELECT u.country,
       CAST(f.event_timestamp AS DATE) AS day,
       count(*) AS clicks,
       count(DISTINCT f.user_id) AS users,
       round(CAST(count(*) AS double) / count(DISTINCT f.user_id), 2) AS clicks_per_user
FROM fact_clicks f
JOIN dim_users u ON u.user_id = f.user_id
GROUP BY u.country, CAST(f.event_timestamp AS DATE)
ORDER BY day, clicks DESC, u.country
