-- Built anew from `purchases` each time: an event that comes late may say where somebody was at a purchase of any hour.
with placed as (
    select
        purchases.event_hour,
        purchases.currency,
        coalesce(history.country, 'unknown') as country,
        purchases.user_id,
        purchases.amount_minor
    from {{ ref('purchases') }} as purchases
    left join {{ ref('stg_users_history') }} as history
        on history.user_id = purchases.user_id
        and history.valid_from <= purchases.purchased_at
        and (history.valid_to is null or purchases.purchased_at < history.valid_to)
),

summed as (
    select
        event_hour,
        currency,
        country,
        count(*) as purchases,
        count(distinct user_id) as buyers,
        {{ count_of('amount_minor is null') }} as purchases_without_amount,
        coalesce({{ whole_sum('amount_minor') }}, 0) as revenue_minor
    from placed
    group by event_hour, currency, country
)

select
    summed.event_hour,
    cast(summed.event_hour as date) as event_date,
    summed.currency,
    summed.country,
    summed.purchases,
    summed.buyers,
    summed.purchases_without_amount,
    summed.revenue_minor,
    {{ in_units('summed.revenue_minor', 'summed.currency') }} as revenue,
    hours.is_final
from summed
inner join {{ ref('published_hours') }} as hours on hours.event_hour = summed.event_hour
