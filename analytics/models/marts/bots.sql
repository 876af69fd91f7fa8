-- Who is probably no person, and why. Nobody is taken out anywhere: `sessions` says of each visit whether it is one's.
with judged as (
    select
        sessions.user_id,
        sessions.started_at,
        sessions.ended_at,
        sessions.events,
        sessions.busiest_minute_events,
        sessions.user_agent,
        coalesce(agents.is_bot, false) as says_so,
        sessions.events >= {{ var('bot_pace_events') }}
        and sessions.duration_s < {{ var('bot_pace_seconds') }} * (sessions.events - 1) as is_fast,
        sessions.busiest_minute_events >= {{ var('bot_burst_events') }} as is_burst
    from {{ ref('sessions_by_gap') }} as sessions
    left join {{ ref('stg_user_agents') }} as agents on agents.user_agent = sessions.user_agent
),

summed as (
    select
        user_id,
        max(case when says_so then 1 else 0 end) as says_so,
        max(case when is_fast then 1 else 0 end) as is_fast,
        max(case when is_burst then 1 else 0 end) as is_burst,
        max(case when says_so or is_fast or is_burst then user_agent end) as user_agent,
        count(*) as sessions,
        {{ count_of('says_so or is_fast or is_burst') }} as flagged_sessions,
        {{ whole_sum('events') }} as events,
        max(busiest_minute_events) as busiest_minute_events,
        min(started_at) as first_seen,
        max(ended_at) as last_seen
    from judged
    group by user_id
)

select
    user_id,
    says_so = 1 as by_user_agent,
    is_fast = 1 as by_pace,
    is_burst = 1 as by_burst,
    substring(
        case when says_so = 1 then ', user agent' else '' end
        || case when is_fast = 1 then ', pace' else '' end
        || case when is_burst = 1 then ', burst' else '' end,
        3
    ) as reasons,
    user_agent,
    sessions,
    flagged_sessions,
    events,
    busiest_minute_events,
    first_seen,
    last_seen
from summed
where says_so + is_fast + is_burst > 0
