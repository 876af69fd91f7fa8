select
    start_date,
    channel,
    coalesce(source, 'none') as source,
    coalesce(medium, 'none') as medium,
    coalesce(campaign, 'none') as campaign,
    count(*) as sessions,
    count(distinct user_id) as users,
    {{ count_of('is_bot') }} as bot_sessions,
    {{ count_of('pages <= 1') }} as bounces,
    {{ count_of('is_converted') }} as converted_sessions,
    {{ whole_sum('purchases') }} as purchases
from {{ ref('sessions') }}
where session_kind = 'gap'
group by
    start_date, channel, coalesce(source, 'none'), coalesce(medium, 'none'), coalesce(campaign, 'none')
