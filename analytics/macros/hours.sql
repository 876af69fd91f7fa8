{#
    Incremental by hour. `published_hours` says which version of each hour is in force, `model_hours` which version a
    model holds. An hour in which they differ is changed: new, repaired, rolled back, or, for models that store
    `is_final`, over meanwhile. A model deletes what it has of changed hours and computes them anew.

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

{# Hours whose version in force is another than the model holds, with the version in force; 0 is none, -1 is begun. #}
{% macro changed_hours(model_name, stores_final=false) -%}
    (
        select
            coalesce(published.event_hour, held.event_hour) as event_hour,
            published.version,
            published.is_final
        from {{ ref('published_hours') }} as published
        full outer join {{ hours_of_model(model_name) }} as held on held.event_hour = published.event_hour
        where coalesce(published.version, 0) <> coalesce(held.version, 0)
        {%- if stores_final %} or published.is_final <> held.is_final{% endif %}
    )
{%- endmacro %}

{% macro mark_hours_begun(stores_final=false) -%}
    insert into {{ ref('model_hours') }}
    select
        '{{ this.identifier }}', event_hour, -1, false,
        cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as {{ type_instant() }}), 0, '{{ invocation_id }}'
    from {{ changed_hours(this.identifier, stores_final) }} as changed
{%- endmacro %}

{% macro mark_hours_done(stores_final=false) -%}
    insert into {{ ref('model_hours') }}
    select
        '{{ this.identifier }}', event_hour, version, is_final,
        cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as {{ type_instant() }}), 1, '{{ invocation_id }}'
    from {{ changed_hours(this.identifier, stores_final) }} as changed
{%- endmacro %}

{# Deletes the rows of a model of one row or more an hour (or day), by what did not change: so nothing is left over. #}
{% macro delete_changed_hours(stores_final=false) -%}
    {% if is_update() -%}
    delete from {{ this }}
    where event_hour not in (
        select event_hour from {{ ref('published_hours') }}
        where event_hour not in (
            select event_hour from {{ changed_hours(this.identifier, stores_final) }} as changed
        )
    )
    {%- endif %}
{%- endmacro %}

{% macro delete_changed_days(stores_final=false) -%}
    {% if is_update() -%}
    delete from {{ this }}
    where event_date not in (
        select event_date from {{ ref('published_hours') }}
        where event_date not in (
            select cast(event_hour as date) from {{ changed_hours(this.identifier, stores_final) }} as changed
        )
    )
    {%- endif %}
{%- endmacro %}

{# The hours that a model of hours computes now: all, or those that changed; joined to by their parts, so that an engine
   reads these partitions alone. #}
{% macro hours_to_compute(stores_final=false) -%}
    (
        select year, month, day, hour, event_hour, event_date, is_final
        from {{ ref('published_hours') }}
        {%- if is_update() %}
        where event_hour in (select event_hour from {{ changed_hours(this.identifier, stores_final) }} as changed)
        {%- endif %}
    )
{%- endmacro %}

{# The same of a model of days: every hour of the days in which one changed. #}
{% macro days_to_compute(stores_final=false) -%}
    (
        select year, month, day, hour, event_hour, event_date, is_final
        from {{ ref('published_hours') }}
        {%- if is_update() %}
        where event_date in (
            select cast(event_hour as date) from {{ changed_hours(this.identifier, stores_final) }} as changed
        )
        {%- endif %}
    )
{%- endmacro %}

{% macro join_hours(events, hours) -%}
    {{ hours }}.year = {{ events }}.year and {{ hours }}.month = {{ events }}.month
    and {{ hours }}.day = {{ events }}.day and {{ hours }}.hour = {{ events }}.hour
{%- endmacro %}
