{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ mark_hours_begun() }}", "{{ delete_changed_hours() }}"],
        post_hook="{{ mark_hours_done() }}",
    )
}}

select
    hours.event_hour,
    hours.event_date,
    events.user_id,
    events.session_id,
    count(*) as events,
    {{ count_of("event_type = 'page_view'") }} as page_views,
    {{ count_of("event_type = 'click'") }} as clicks,
    {{ count_of("event_type = 'search'") }} as searches,
    {{ count_of("event_type = 'add_to_cart'") }} as carts,
    {{ count_of("event_type = 'checkout'") }} as checkouts,
    {{ count_of("event_type = 'purchase'") }} as purchases,
    {{ count_of("event_type = 'signup'") }} as signups
from {{ ref('stg_events') }} as events
inner join {{ hours_to_compute() }} as hours on {{ join_hours('events', 'hours') }}
group by hours.event_hour, hours.event_date, events.user_id, events.session_id
