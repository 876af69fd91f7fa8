-- Where do sessions come from: search, social, mail, other sites, or directly?
--
-- By the first event of a session: a medium in the address comes before the referrer. `internal` are sessions whose first
-- event comes from the shop itself: their beginning was lost, or lies before midnight.
WITH ordered AS (
    SELECT user_id,
           session_id,
           event_type,
           lower(regexp_extract(referrer_url, '^[a-zA-Z]+://([^/?#:]+)', 1)) AS host,
           lower(regexp_extract(page_url, '^[a-zA-Z]+://([^/?#:]+)', 1)) AS own_host,
           lower(regexp_extract(page_url, '[?&]utm_medium=([^&#]*)', 1)) AS medium,
           row_number() OVER (
               PARTITION BY user_id, session_id ORDER BY event_timestamp, referrer_url, page_url
           ) AS place
    FROM fact_clicks
    WHERE year = 2026 AND month = 11 AND day = 24
),
sessions AS (
    SELECT user_id,
           session_id,
           max(CASE WHEN place = 1 THEN host END) AS host,
           max(CASE WHEN place = 1 THEN own_host END) AS own_host,
           max(CASE WHEN place = 1 THEN medium END) AS medium,
           max(CASE WHEN event_type = 'purchase' THEN 1 ELSE 0 END) AS is_bought
    FROM ordered
    GROUP BY user_id, session_id
),
placed AS (
    SELECT CASE
               WHEN medium IN ('email', 'e-mail', 'newsletter') THEN 'mail'
               WHEN medium IN ('cpc', 'ppc', 'paid', 'display') THEN 'paid'
               WHEN host IS NULL OR host = '' THEN 'direct'
               WHEN host = own_host THEN 'internal'
               WHEN regexp_like(host, '(^|\.)(google|bing|duckduckgo|yahoo|baidu|yandex|ecosia)\.') THEN 'search'
               WHEN regexp_like(host, '(^|\.)(facebook|instagram|tiktok|linkedin|pinterest|reddit|youtube|x|social)\.')
                   THEN 'social'
               ELSE 'referral'
           END AS channel,
           user_id,
           is_bought
    FROM sessions
)
SELECT channel,
       count(*) AS sessions,
       count(DISTINCT user_id) AS users,
       sum(is_bought) AS buying_sessions,
       CAST(sum(is_bought) AS double) / count(*) AS conversion,
       CAST(count(*) AS double) / sum(count(*)) OVER () AS share
FROM placed
GROUP BY channel
ORDER BY sessions DESC, channel
