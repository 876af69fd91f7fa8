{{ config(materialized='table') }}

-- The oldest thing that a run reads: facts that are published meanwhile are those of a version it does not know yet, so
-- the next run sees their hour as changed. Also where it was rolled back before then: a version that is in force again
-- has its old sequence, so hours are told apart by how often they changed, which only grows.
with hours as (
    select
        event_hour,
        version as in_force,
        changes,
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
    changes as version,
    state,
    facts,
    waiting_lines = 0 and event_hour < closed_through as is_final,
    {{ plus_minutes("date_trunc('day', event_hour)", 1440) }} <= published_through as is_day_final,
    first_published_at,
    last_changed_at,
    published_through
from marked
where in_force is not null
