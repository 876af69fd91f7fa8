{{ config(materialized='view') }}

-- A view, so that new rules for user agents and referrers hold for all visits at once, whenever these were.
with both_kinds as (
    select * from {{ ref('sessions_by_gap') }}
    union all
    select * from {{ ref('sessions_by_tracker') }}
),

watermark as (
    select max(published_through) as published_through from {{ ref('published_hours') }}
)

select
    sessions.session_key,
    sessions.session_kind,
    sessions.user_id,
    sessions.session_id,
    sessions.users,
    sessions.started_at,
    sessions.ended_at,
    cast(sessions.started_at as date) as start_date,
    sessions.duration_s,
    sessions.events,
    sessions.page_views,
    sessions.pages,
    sessions.searches,
    sessions.carts,
    sessions.checkouts,
    sessions.purchases,
    sessions.signups,
    sessions.entry_host,
    sessions.entry_page,
    sessions.exit_page,
    sessions.referrer_host,
    {{ channel_of('sessions', 'hosts') }} as channel,
    coalesce(sessions.utm_source, hosts.source, sessions.referrer_host) as source,
    sessions.utm_medium as medium,
    sessions.campaign,
    coalesce(sessions.device_type, agents.device, 'unknown') as device,
    agents.browser,
    agents.os,
    sessions.purchases > 0 as is_converted,
    sessions.first_purchase_at,
    sessions.currency,
    sessions.revenue_minor,
    bots.user_id is not null as is_bot,
    {{ plus_minutes('sessions.ended_at', var('session_gap_minutes')) }} < watermark.published_through as is_final
from both_kinds as sessions
cross join watermark
left join {{ ref('referrer_hosts') }} as hosts on hosts.referrer_host = sessions.referrer_host
left join {{ ref('stg_user_agents') }} as agents on agents.user_agent = sessions.user_agent
left join {{ ref('bots') }} as bots on bots.user_id = sessions.user_id
