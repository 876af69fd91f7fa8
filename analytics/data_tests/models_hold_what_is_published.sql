-- After a run no model holds another version of an hour than the one that was in force when the run began.
{% set models = [
    'activity', 'engagement_daily', 'engagement_hourly', 'purchases', 'sessions_by_gap', 'sessions_by_tracker', 'top_pages'
] %}
{% for name in models -%}
-- depends_on: {{ ref(name) }}
select '{{ name }}' as model_name, event_hour, version from {{ changed_hours(name) }} as changed
{% if not loop.last %}union all{% endif %}
{% endfor %}
