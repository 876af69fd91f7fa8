{# A text as a whole number of up to 18 digits; null for any other text. Engines round a fraction in ways of their own. #}
{% macro whole_number(text) -%}
    cast(case when {{ matches(text, '^-?[0-9]{1,18}$') }} then {{ text }} end as bigint)
{%- endmacro %}

{# An amount in minor units as one in the unit of its currency, exact. Source: ISO 4217, currencies without two digits. #}
{% macro in_units(minor, currency) -%}
    cast(cast({{ minor }} as decimal(20, 0)) * case
        when {{ currency }} in (
            'BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'VND', 'VUV', 'XAF', 'XOF', 'XPF'
        ) then cast(1 as decimal(4, 3))
        when {{ currency }} in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then cast(0.001 as decimal(4, 3))
        else cast(0.01 as decimal(4, 3))
    end as decimal(24, 3))
{%- endmacro %}
