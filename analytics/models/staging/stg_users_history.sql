select
    user_id,
    country,
    signup_date,
    valid_from,
    valid_to
from {{ source('clickstream', 'dim_users_history') }}
