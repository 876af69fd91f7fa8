{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ mark_hours_begun('is_final', 'activity') }}", "{{ delete_changed_hours('is_final', 'activity') }}"],
        post_hook="{{ mark_hours_done('is_final', 'activity') }}",
    )
}}

select
    hours.event_hour,
    hours.event_date,
    hours.is_final,
    count(distinct activity.user_id) as users,
    count(distinct activity.session_id) as sessions,
    {{ activity_sums() }}
from {{ ref('activity') }} as activity
inner join {{ hours_to_compute('is_final', 'activity') }} as hours on hours.event_hour = activity.event_hour
group by hours.event_hour, hours.event_date, hours.is_final
