{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ mark_hours_begun() }}", "{{ delete_changed_days() }}"],
        post_hook="{{ mark_hours_done() }}",
    )
}}

with pages as (
    select
        hours.event_date,
        coalesce(events.page_host, 'unknown') as page_host,
        events.page_path,
        count(*) as views,
        count(distinct events.user_id) as users,
        count(distinct events.session_id) as sessions
    from {{ ref('stg_events') }} as events
    inner join {{ days_to_compute() }} as hours on {{ join_hours('events', 'hours') }}
    where events.event_type = 'page_view' and events.page_path is not null
    group by hours.event_date, coalesce(events.page_host, 'unknown'), events.page_path
),

ranked as (
    select
        pages.*,
        row_number() over (partition by event_date order by views desc, users desc, page_host, page_path) as place
    from pages
)

select event_date, place, page_host, page_path, views, users, sessions
from ranked
where place <= {{ var('top_pages_kept') }}
