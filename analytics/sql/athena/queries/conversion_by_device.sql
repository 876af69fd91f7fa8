-- Which share of sessions buys, by device?
--
-- A session that was on two devices counts for both. Two rates differ by more than chance when both have some hundred
-- sessions behind them, not before.
SELECT device,
       count(*) AS sessions,
       count_if(purchases > 0) AS buying_sessions,
       CAST(count_if(purchases > 0) AS double) / count(*) AS conversion,
       CAST(sum(events) AS double) / count(*) AS events_per_session
FROM (
    SELECT coalesce(device_type, 'unknown') AS device,
           user_id,
           session_id,
           count(*) AS events,
           count_if(event_type = 'purchase') AS purchases
    FROM fact_clicks
    WHERE year = 2026 AND month = 11 AND day = 24
    GROUP BY coalesce(device_type, 'unknown'), user_id, session_id
)
GROUP BY device
ORDER BY sessions DESC, device
