{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ mark_hours_begun('is_day_final', 'activity') }}", "{{ delete_changed_days('is_day_final', 'activity') }}"],
        post_hook="{{ mark_hours_done('is_day_final', 'activity') }}",
    )
}}

select
    hours.event_date,
    hours.is_day_final as is_final,
    count(distinct activity.event_hour) as hours,
    count(distinct activity.user_id) as users,
    count(distinct activity.session_id) as sessions,
    count(distinct case when activity.purchases > 0 then activity.user_id end) as buyers,
    {{ activity_sums() }}
from {{ ref('activity') }} as activity
inner join {{ days_to_compute('is_day_final', 'activity') }} as hours on hours.event_hour = activity.event_hour
group by hours.event_date, hours.is_day_final
