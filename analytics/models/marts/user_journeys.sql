with visits as (
    select
        sessions.*,
        row_number() over (partition by user_id order by started_at) as visit,
        sum(case when is_converted then 1 else 0 end) over (
            partition by user_id order by started_at rows between unbounded preceding and current row
        ) as conversions
    from {{ ref('sessions') }} as sessions
    where session_kind = 'gap'
)

select
    user_id,
    min(started_at) as first_seen,
    max(ended_at) as last_seen,
    count(*) as sessions,
    count(distinct start_date) as active_days,
    {{ whole_sum('events') }} as events,
    {{ whole_sum('duration_s') }} as duration_s,
    {{ first_text('channel', 'visit') }} as first_channel,
    {{ last_text('channel', 'visit') }} as last_channel,
    {{ first_text('entry_page', 'visit') }} as first_page,
    {{ last_text('exit_page', 'visit') }} as last_page,
    {{ joined(
        "case when visit <= " ~ var('journey_visits_kept')
        ~ " and (conversions = 0 or (conversions = 1 and is_converted)) then channel end", ' > ', 'visit'
    ) }} as channels,
    count(distinct device) as devices,
    min(first_purchase_at) as first_purchase_at,
    min(case when is_converted then visit end) as visits_to_purchase,
    {{ whole_sum('purchases') }} as purchases,
    max(case when is_bot then 1 else 0 end) = 1 as is_bot
from visits
group by user_id
