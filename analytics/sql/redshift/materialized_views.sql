-- Figures by hour of the hot facts, kept ready: clicks by type and device, purchases and revenue by currency.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- AUTO REFRESH: Redshift refreshes them after loads, when it has room; REFRESH MATERIALIZED VIEW does at once. Counts
-- and sums alone can be refreshed by what changed; a COUNT(DISTINCT), an outer join or a window function has all
-- computed anew each time. SVV_MV_INFO says how each stands (is_stale, state).
--
-- They are over the hot table alone: refreshing one over the lake costs Spectrum reads, and none can be over the hybrid
-- view, which is not bound. Hours from hot_until on may be incomplete in them: end a question there. Amounts are in
-- minor units; one that is no whole number is not summed.
CREATE MATERIALIZED VIEW mart.hot_clicks_hourly
DISTSTYLE EVEN
SORTKEY (event_hour)
AUTO REFRESH YES
AS
SELECT DATE_TRUNC('hour', event_timestamp) AS event_hour, event_type, device_type, COUNT(*) AS clicks
FROM hot.fact_clicks
GROUP BY 1, 2, 3;

CREATE MATERIALIZED VIEW mart.hot_revenue_hourly
DISTSTYLE EVEN
SORTKEY (event_hour)
AUTO REFRESH YES
AS
SELECT DATE_TRUNC('hour', event_timestamp) AS event_hour,
       metadata.currency::VARCHAR(16) AS currency,
       COUNT(*) AS purchases,
       SUM(CASE WHEN metadata.amount_minor::VARCHAR(32) ~ '^[0-9]{1,18}$'
                THEN metadata.amount_minor::VARCHAR(32)::BIGINT END) AS amount_minor
FROM hot.fact_clicks
WHERE event_type = 'purchase'
GROUP BY 1, 2;
