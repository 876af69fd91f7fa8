{{ config(materialized='table') }}

-- The longest host of the seed that a referrer's host is, or is a part of: `www.google.com` is one of `google.com`.
with hosts as (
    select distinct referrer_host from {{ ref('sessions_by_gap') }} where referrer_host is not null
    union
    select distinct referrer_host from {{ ref('sessions_by_tracker') }} where referrer_host is not null
),

matches as (
    select
        hosts.referrer_host,
        known.channel,
        known.source,
        row_number() over (partition by hosts.referrer_host order by length(known.host) desc, known.host) as place
    from hosts
    left join {{ ref('referrer_channels') }} as known
        on hosts.referrer_host = known.host or hosts.referrer_host like '%.' || known.host
)

select referrer_host, channel, source, {{ var('channel_rules') }} as rules_version
from matches
where place = 1
