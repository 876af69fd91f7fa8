-- Sessions with a cart and a purchase are as many told from the step `cart` as from the step `purchase`.
{% set steps = ['view', 'cart', 'checkout', 'purchase'] %}
{% set tells = [] %}
{% for one in steps %}{% for other in steps if one != other %}{% do tells.append((one, other)) %}{% endfor %}{% endfor %}
with told as (
    {% for one, other in tells -%}
    select start_date, session_kind, '{{ one }}' as step, '{{ other }}' as other, with_{{ other }} as sessions
    from {{ ref('funnel') }}
    where step = '{{ one }}'
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    coalesce(told.start_date, back.start_date) as start_date,
    coalesce(told.session_kind, back.session_kind) as session_kind,
    told.step,
    told.other,
    told.sessions,
    back.sessions as sessions_back
from told
full outer join told as back
    on back.start_date = told.start_date
    and back.session_kind = told.session_kind
    and back.step = told.other
    and back.other = told.step
where coalesce(told.sessions, 0) <> coalesce(back.sessions, 0)
