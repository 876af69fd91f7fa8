{#
    Sessions, one row each, by either rule: `gap` ends a visit of a user at a pause, `tracker` takes the session that the
    tracker names. Both are computed from events alone, in one statement.

    A session may reach over hours, so a changed hour touches sessions of its neighbours. What is read again is: every
    event of the changed hours, and every event of the sessions that were touched before the change, which
    `sessions_touched` holds from before their rows are deleted until new ones are there.
#}

{# Sessions that a change of an hour may change: those around it, which may lose events; and those that its events may
   join, by the gap rule within a gap of it, by the tracker's those of the same name, however long ago they were. #}
{% macro note_touched_sessions(kind) -%}
    {% if is_update() -%}
    {%- set gap = var('session_gap_minutes') if kind == 'gap' else 0 -%}
    insert into {{ ref('sessions_touched') }}
    select distinct
        '{{ kind }}', sessions.session_key, sessions.user_id, sessions.session_id, sessions.started_at, sessions.ended_at
    from {{ this }} as sessions
    inner join {{ changed_hours(this.identifier) }} as changed
        on sessions.started_at <= {{ plus_minutes('changed.event_hour', 60 + gap) }}
        and sessions.ended_at >= {{ plus_minutes('changed.event_hour', 0 - gap) }}
    {%- if kind == 'tracker' %}
    union
    select
        '{{ kind }}', sessions.session_key, sessions.user_id, sessions.session_id, sessions.started_at, sessions.ended_at
    from {{ this }} as sessions
    where sessions.session_id in (
        select events.session_id
        from {{ ref('stg_events') }} as events
        inner join {{ hours_to_compute() }} as hours on {{ join_hours('events', 'hours') }}
    )
    {%- endif %}
    {%- endif %}
{%- endmacro %}

{% macro delete_touched_sessions(kind) -%}
    {% if is_update() -%}
    delete from {{ this }}
    where session_key in (select session_key from {{ ref('sessions_touched') }} where session_kind = '{{ kind }}')
    {%- endif %}
{%- endmacro %}

{% macro forget_touched_sessions(kind) -%}
    delete from {{ ref('sessions_touched') }} where session_kind = '{{ kind }}'
{%- endmacro %}

{% macro session_rows(kind) %}
with
{% if is_update() %}
changed as (
    select event_hour from {{ changed_hours(this.identifier) }} as changed_now
),

touched as (
    select user_id, session_id, started_at, ended_at
    from {{ ref('sessions_touched') }}
    where session_kind = '{{ kind }}'
),

spans as (
    select distinct date_trunc('hour', started_at) as first_hour, date_trunc('hour', ended_at) as last_hour from touched
),

hours as (
    select year, month, day, hour, event_hour
    from {{ ref('published_hours') }} as published
    where event_hour in (select event_hour from changed)
        or exists (
            select 1 from spans where published.event_hour between spans.first_hour and spans.last_hour
        )
),

near as (
    select events.*
    from {{ ref('stg_events') }} as events
    inner join hours on {{ join_hours('events', 'hours') }}
),

events as (
    select * from near where event_hour in (select event_hour from changed)
    union all
    select *
    from near
    where event_hour not in (select event_hour from changed)
        and exists (
            select 1
            from touched
            where
                {%- if kind == 'gap' %}
                touched.user_id = near.user_id
                {%- else %}
                touched.session_id = near.session_id
                {%- endif %}
                and near.event_timestamp between touched.started_at and touched.ended_at
        )
),
{% else %}
events as (
    select events.*
    from {{ ref('stg_events') }} as events
    inner join {{ ref('published_hours') }} as hours on {{ join_hours('events', 'hours') }}
),
{% endif %}
{% if kind == 'gap' %}
spaced as (
    select
        events.*,
        {{ epoch_us('event_timestamp') }} as event_us,
        lag({{ epoch_us('event_timestamp') }}) over (
            partition by user_id order by event_timestamp, click_id
        ) as previous_us
    from events
),

numbered as (
    select
        spaced.*,
        sum(
            case
                when previous_us is null or event_us - previous_us > {{ var('session_gap_minutes') * 60000000 }} then 1
                else 0
            end
        ) over (
            partition by user_id order by event_timestamp, click_id rows between unbounded preceding and current row
        ) as visit_number
    from spaced
),

placed as (
    select
        numbered.*,
        user_id as visitor,
        row_number() over (partition by user_id, visit_number order by event_timestamp, click_id) as place,
        count(*) over (
            partition by user_id, visit_number, date_trunc('minute', event_timestamp)
        ) as events_of_minute
    from numbered
),
{% else %}
placed as (
    select
        events.*,
        {{ epoch_us('event_timestamp') }} as event_us,
        session_id as visitor,
        1 as visit_number,
        row_number() over (partition by session_id order by event_timestamp, click_id) as place,
        count(*) over (partition by session_id, date_trunc('minute', event_timestamp)) as events_of_minute
    from events
),
{% endif %}
sessions as (
    select
        visitor,
        visit_number,
        {{ first_text('user_id', 'place') }} as user_id,
        {{ first_text('session_id', 'place') }} as session_id,
        count(distinct user_id) as users,
        min(event_timestamp) as started_at,
        max(event_timestamp) as ended_at,
        min(event_us) as started_us,
        {{ int_div('max(event_us) - min(event_us)', '1000000') }} as duration_s,
        count(*) as events,
        max(events_of_minute) as busiest_minute_events,
        {{ count_of("event_type = 'page_view'") }} as page_views,
        count(distinct case when event_type = 'page_view' then page_path end) as pages,
        {{ count_of("event_type = 'search'") }} as searches,
        {{ count_of("event_type = 'add_to_cart'") }} as carts,
        {{ count_of("event_type = 'checkout'") }} as checkouts,
        {{ count_of("event_type = 'purchase'") }} as purchases,
        {{ count_of("event_type = 'signup'") }} as signups,
        min(case when event_type = 'purchase' then event_timestamp end) as first_purchase_at,
        {{ first_text('page_host', 'place') }} as entry_host,
        {{ first_text('page_path', 'place') }} as entry_page,
        {{ last_text('page_path', 'place') }} as exit_page,
        {{ first_text('case when place = 1 then referrer_host end', 'place') }} as referrer_host,
        {{ first_text('case when place = 1 then utm_source end', 'place') }} as utm_source,
        {{ first_text('case when place = 1 then utm_medium end', 'place') }} as utm_medium,
        {{ first_text('campaign', 'place') }} as campaign,
        {{ first_text('device_type', 'place') }} as device_type,
        {{ first_text('user_agent', 'place') }} as user_agent,
        count(distinct case when event_type = 'purchase' then currency end) as currencies,
        min(case when event_type = 'purchase' then currency end) as a_currency,
        {{ whole_sum("case when event_type = 'purchase' then amount_minor end") }} as amount_minor
    from placed
    group by visitor, visit_number
)

select
    {% if kind == 'gap' -%}
    'gap:' || user_id || ':' || cast(started_us as {{ type_text() }}) as session_key,
    {%- else -%}
    'tracker:' || session_id as session_key,
    {%- endif %}
    '{{ kind }}' as session_kind,
    user_id,
    session_id,
    users,
    started_at,
    ended_at,
    duration_s,
    events,
    busiest_minute_events,
    page_views,
    pages,
    searches,
    carts,
    checkouts,
    purchases,
    signups,
    first_purchase_at,
    entry_host,
    entry_page,
    exit_page,
    referrer_host,
    utm_source,
    utm_medium,
    campaign,
    device_type,
    user_agent,
    case when currencies = 1 then a_currency end as currency,
    case when currencies = 1 then amount_minor end as revenue_minor
from sessions
{% endmacro %}
