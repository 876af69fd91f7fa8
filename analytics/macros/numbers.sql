{# A text as a whole number of up to 15 digits; null for any other text. Engines round a fraction in ways of their own, and
   with more digits a few texts of a broken producer would make a sum too large for a bigint, and the run fail. #}
{% macro whole_number(text) -%}
    cast(case when {{ matches(text, '^-?[0-9]{1,15}$') }} then {{ text }} end as bigint)
{%- endmacro %}

{# An amount in minor units as one in the unit of its currency, exact. Source: ISO 4217, currencies without two digits. #}
{% macro in_units(minor, currency) -%}
    cast(cast({{ minor }} as decimal(20, 0)) * case
        when {{ currency }} in (
            'BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV', 'XAF', 'XOF',
            'XPF'
        ) then cast(1 as decimal(5, 4))
        when {{ currency }} in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then cast(0.001 as decimal(5, 4))
        when {{ currency }} in ('CLF', 'UYW') then cast(0.0001 as decimal(5, 4))
        else cast(0.01 as decimal(5, 4))
    end as decimal(24, 4))
{%- endmacro %}
