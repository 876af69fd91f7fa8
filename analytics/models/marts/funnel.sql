-- A step counts whether or not the one before it was seen: shops sell without a cart, and carts are filled elsewhere.
with visits as (
    select
        start_date,
        session_kind,
        case when page_views > 0 then 1 else 0 end as has_view,
        case when carts > 0 then 1 else 0 end as has_cart,
        case when checkouts > 0 then 1 else 0 end as has_checkout,
        case when purchases > 0 then 1 else 0 end as has_purchase
    from {{ ref('sessions') }}
),

steps as (
    {% for step in ['view', 'cart', 'checkout', 'purchase'] -%}
    select
        start_date,
        session_kind,
        {{ loop.index }} as step_number,
        '{{ step }}' as step,
        {{ 1 if loop.first else 'has_' ~ loop.previtem }} as has_previous,
        has_view,
        has_cart,
        has_checkout,
        has_purchase
    from visits
    where has_{{ step }} = 1
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    start_date,
    session_kind,
    step_number,
    step,
    count(*) as sessions,
    {{ whole_sum('has_previous') }} as after_previous,
    count(*) - {{ whole_sum('has_previous') }} as without_previous,
    {{ whole_sum('has_view') }} as with_view,
    {{ whole_sum('has_cart') }} as with_cart,
    {{ whole_sum('has_checkout') }} as with_checkout,
    {{ whole_sum('has_purchase') }} as with_purchase
from steps
group by start_date, session_kind, step_number, step
