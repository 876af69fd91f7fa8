with visits as (
    select
        user_id,
        {{ epoch_us('started_at') }} as started_us,
        lag({{ epoch_us('ended_at') }}) over (partition by user_id order by started_at) as before_us
    from {{ ref('sessions_by_gap') }}
)

select user_id, started_us, before_us
from visits
where started_us - before_us <= {{ var('session_gap_minutes') * 60000000 }}
