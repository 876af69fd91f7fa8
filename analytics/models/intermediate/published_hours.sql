{{ config(materialized='table') }}

-- The oldest thing that a run reads: facts that are published meanwhile are those of a version it does not know yet, so
-- the next run sees their hour as changed.
with hours as (
    select
        event_hour,
        version,
        state,
        facts,
        waiting_lines,
        first_published_at,
        last_changed_at,
        year,
        month,
        day,
        max(published_through) over () as closed_through,
        min(case when waiting_lines > 0 then event_hour end) over () as waiting_from
    from {{ source('clickstream', 'hours') }}
),

marked as (
    select
        hours.*,
        case when waiting_from < closed_through then waiting_from else closed_through end as published_through
    from hours
)

select
    event_hour,
    cast(event_hour as date) as event_date,
    year,
    month,
    day,
    cast(extract(hour from event_hour) as integer) as hour,
    version,
    state,
    facts,
    waiting_lines = 0 and event_hour < closed_through as is_final,
    {{ plus_minutes("date_trunc('day', event_hour)", 1440) }} <= published_through as is_day_final,
    first_published_at,
    last_changed_at,
    published_through
from marked
where version is not null
