{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ mark_hours_begun() }}", "{{ delete_changed_hours() }}"],
        post_hook="{{ mark_hours_done() }}",
    )
}}

select
    events.click_id,
    hours.event_hour,
    hours.event_date,
    events.event_timestamp as purchased_at,
    events.user_id,
    events.session_id,
    events.order_id,
    events.product_id,
    events.currency,
    events.amount_minor
from {{ ref('stg_events') }} as events
inner join {{ hours_to_compute() }} as hours on {{ join_hours('events', 'hours') }}
where events.event_type = 'purchase'
