select
    user_agent,
    browser,
    os,
    device,
    is_bot,
    rules_version
from {{ source('clickstream', 'dim_user_agents') }}
