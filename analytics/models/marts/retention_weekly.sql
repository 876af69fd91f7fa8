-- Built anew from `activity` each time: an event that comes late may move somebody's first week.
with weeks as (
    select distinct user_id, {{ week_of('event_date') }} as week_start from {{ ref('activity') }}
),

placed as (
    select
        user_id,
        week_start,
        min(week_start) over (partition by user_id) as cohort_week
    from weeks
),

counted as (
    select
        cohort_week,
        cast({{ int_div(days_between('cohort_week', 'week_start'), '7') }} as integer) as weeks_later,
        count(*) as users
    from placed
    group by cohort_week, week_start
)

select
    cohort_week,
    weeks_later,
    first_value(users) over (
        partition by cohort_week order by weeks_later rows between unbounded preceding and unbounded following
    ) as cohort_users,
    users as active_users,
    cast(users as {{ type_double() }}) / first_value(users) over (
        partition by cohort_week order by weeks_later rows between unbounded preceding and unbounded following
    ) as retained
from counted
