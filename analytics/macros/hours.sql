{#
    Incremental by hour. `published_hours` says which version of each hour is in force, `model_hours` which version a
    model holds. An hour in which they differ is changed: new, repaired, rolled back, or, for models that store
    whether it is final, over meanwhile (`final` is the column of `published_hours` that tells). A model deletes what it has of changed hours and computes them anew.

    Each hook is one statement, since Athena takes one at a time. There each is a commit of its own, so the order counts:
    changed hours are marked as begun first and as done last, and a run that was cut off in between is simply run again.
#}

{# Whether a model goes on from what its table holds. No engine is asked where the answer is known without one. #}
{% macro is_update() %}
    {%- if var('compile_as_update') -%}{{ return(true) }}{%- endif -%}
    {%- if not execute or should_full_refresh() -%}{{ return(false) }}{%- endif -%}
    {{ return(is_incremental()) }}
{% endmacro %}

{# The latest version of each hour that a model holds. #}
{% macro hours_of_model(model_name) -%}
    (
        select event_hour, version, is_final
        from (
            select
                event_hour, version, is_final,
                row_number() over (partition by event_hour order by recorded_at desc, is_done desc) as place
            from {{ ref('model_hours') }}
            where model_name = '{{ model_name }}'
        ) as every_version
        where place = 1
    )
{%- endmacro %}

{# The versions that a model may hold: those in force, or of a model over another one those that the other holds. #}
{% macro hours_below(below, final) -%}
    {% if below -%}
    (
        select published.event_hour, held_below.version, published.{{ final or 'is_final' }} as is_final
        from {{ ref('published_hours') }} as published
        inner join {{ hours_of_model(below) }} as held_below on held_below.event_hour = published.event_hour
        where held_below.version > 0
    )
    {%- else -%}
    (select event_hour, version, {{ final or 'is_final' }} as is_final from {{ ref('published_hours') }})
    {%- endif %}
{%- endmacro %}

{# Hours of which a model holds another version than it may, with the one that it may; 0 is none, -1 is begun.

   `final` is the column of `published_hours` that the model stores, `below` the model that it is computed from, where
   that one is kept by hour itself. #}
{% macro changed_hours(model_name, final=none, below=none) -%}
    (
        select
            coalesce(published.event_hour, held.event_hour) as event_hour,
            published.version,
            published.is_final
        from {{ hours_below(below, final) }} as published
        full outer join {{ hours_of_model(model_name) }} as held on held.event_hour = published.event_hour
        where coalesce(published.version, 0) <> coalesce(held.version, 0)
        {%- if final %} or published.is_final <> held.is_final{% endif %}
    )
{%- endmacro %}

{% macro mark_hours_begun(final=none, below=none) -%}
    insert into {{ ref('model_hours') }}
    select
        '{{ this.identifier }}', event_hour, -1, false, {{ this_run() }}, 0, '{{ invocation_id }}'
    from {{ changed_hours(this.identifier, final, below) }} as changed
{%- endmacro %}

{% macro mark_hours_done(final=none, below=none) -%}
    insert into {{ ref('model_hours') }}
    select
        '{{ this.identifier }}', event_hour, version, is_final, {{ this_run() }}, 1, '{{ invocation_id }}'
    from {{ changed_hours(this.identifier, final, below) }} as changed
{%- endmacro %}

{% macro this_run() -%}
    cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as {{ type_instant() }})
{%- endmacro %}

{# Deletes a model's rows of changed hours, one statement; what stays is named, so that nothing is left over. #}
{% macro delete_changed_hours(final=none, below=none) -%}
    {% if is_update() -%}
    delete from {{ this }}
    where event_hour not in (
        select event_hour from {{ ref('published_hours') }}
        where event_hour not in (select event_hour from {{ changed_hours(this.identifier, final, below) }} as changed)
    )
    {%- endif %}
{%- endmacro %}

{# The same of a model of days: a day is changed where one of its hours is. #}
{% macro delete_changed_days(final=none, below=none) -%}
    {% if is_update() -%}
    delete from {{ this }}
    where event_date not in (
        select event_date from {{ ref('published_hours') }}
        where event_date not in (
            select cast(event_hour as date) from {{ changed_hours(this.identifier, final, below) }} as changed
        )
    )
    {%- endif %}
{%- endmacro %}

{# The hours that a model computes now: all, or those that changed; joined to by their parts, so that an engine reads
   these partitions alone. #}
{% macro hours_to_compute(final=none, below=none) -%}
    (
        select year, month, day, hour, event_hour, event_date, is_final, is_day_final
        from {{ ref('published_hours') }}
        {%- if is_update() %}
        where event_hour in (select event_hour from {{ changed_hours(this.identifier, final, below) }} as changed)
        {%- endif %}
    )
{%- endmacro %}

{# The same of a model of days: every hour of the days in which one changed. #}
{% macro days_to_compute(final=none, below=none) -%}
    (
        select year, month, day, hour, event_hour, event_date, is_final, is_day_final
        from {{ ref('published_hours') }}
        {%- if is_update() %}
        where event_date in (
            select cast(event_hour as date) from {{ changed_hours(this.identifier, final, below) }} as changed
        )
        {%- endif %}
    )
{%- endmacro %}

{% macro join_hours(events, hours) -%}
    {{ hours }}.year = {{ events }}.year and {{ hours }}.month = {{ events }}.month
    and {{ hours }}.day = {{ events }}.day and {{ hours }}.hour = {{ events }}.hour
{%- endmacro %}
