{{ config(materialized='incremental', incremental_strategy='append') }}

-- Rows come by the hooks of the models that this table is about; see macros/hours.sql.
select
    cast(null as {{ type_text() }}) as model_name,
    cast(null as {{ type_instant() }}) as event_hour,
    cast(null as bigint) as version,
    cast(null as boolean) as is_final,
    cast(null as {{ type_instant() }}) as recorded_at,
    cast(null as integer) as is_done,
    cast(null as {{ type_text() }}) as run_id
where 1 = 0
