-- Of each user, and of all by the rule of the tracker, visits together have as many events as there are.
with facts as (
    select events.user_id, count(*) as events
    from {{ ref('stg_events') }} as events
    inner join {{ ref('published_hours') }} as hours on {{ join_hours('events', 'hours') }}
    group by events.user_id
),

by_gap as (
    select user_id, {{ whole_sum('events') }} as events from {{ ref('sessions_by_gap') }} group by user_id
),

users as (
    select coalesce(facts.user_id, by_gap.user_id) as user_id, facts.events as expected, by_gap.events as found
    from facts
    full outer join by_gap on by_gap.user_id = facts.user_id
),

-- A tracker's session may be of several users, so only the sum can be told.
by_tracker as (
    select
        (select {{ whole_sum('events') }} from facts) as expected,
        (select {{ whole_sum('events') }} from {{ ref('sessions_by_tracker') }}) as found
)

select user_id, expected, found
from users
where coalesce(expected, 0) <> coalesce(found, 0)

union all

select 'all by tracker' as user_id, expected, found
from by_tracker
where coalesce(expected, 0) <> coalesce(found, 0)
