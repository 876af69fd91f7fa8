with facts as (
    select
        hours.event_hour,
        events.currency,
        count(*) as purchases,
        coalesce({{ whole_sum('events.amount_minor') }}, 0) as amount_minor
    from {{ ref('stg_events') }} as events
    inner join {{ ref('published_hours') }} as hours on {{ join_hours('events', 'hours') }}
    where events.event_type = 'purchase'
    group by hours.event_hour, events.currency
),

revenue as (
    select
        event_hour,
        currency,
        {{ whole_sum('purchases') }} as purchases,
        {{ whole_sum('revenue_minor') }} as amount_minor
    from {{ ref('revenue_hourly') }}
    group by event_hour, currency
)

select
    coalesce(facts.event_hour, revenue.event_hour) as event_hour,
    coalesce(facts.currency, revenue.currency) as currency,
    facts.amount_minor as expected,
    revenue.amount_minor as found
from facts
full outer join revenue on revenue.event_hour = facts.event_hour and revenue.currency = facts.currency
where coalesce(facts.purchases, 0) <> coalesce(revenue.purchases, 0)
    or coalesce(facts.amount_minor, 0) <> coalesce(revenue.amount_minor, 0)
