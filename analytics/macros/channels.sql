{# Where a visit came from, by what its first event says: a named medium first, then the site before it. #}
{% macro channel_of(session, host) -%}
    case
        when {{ session }}.utm_medium in ('cpc', 'ppc', 'sem', 'paidsearch', 'paid_search', 'paid-search') then 'paid_search'
        when {{ session }}.utm_medium in ('paidsocial', 'paid_social', 'paid-social') then 'paid_social'
        when {{ session }}.utm_medium in ('display', 'banner', 'cpm') then 'display'
        when {{ session }}.utm_medium in ('email', 'e-mail', 'newsletter') then 'email'
        when {{ session }}.utm_medium in ('affiliate', 'affiliates', 'partner') then 'affiliate'
        when {{ session }}.utm_medium in ('social', 'social-media', 'social_media') then 'social'
        when {{ session }}.utm_medium = 'organic' then 'organic_search'
        when {{ session }}.utm_medium = 'referral' then 'referral'
        when {{ session }}.utm_medium is not null or {{ session }}.utm_source is not null then 'campaign'
        when {{ session }}.referrer_host is null and {{ session }}.campaign is not null then 'campaign'
        when {{ session }}.referrer_host is null then 'direct'
        when {{ session }}.referrer_host = {{ session }}.entry_host then 'internal'
        else coalesce({{ host }}.channel, 'referral')
    end
{%- endmacro %}
