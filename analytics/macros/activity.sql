{# The counts of rows of `activity`, by kind of event. #}
{% macro activity_sums() -%}
    {% for name in ['events', 'page_views', 'clicks', 'searches', 'carts', 'checkouts', 'purchases', 'signups'] -%}
    {{ whole_sum('activity.' ~ name) }} as {{ name }}{{ ',' if not loop.last }}
    {% endfor %}
{%- endmacro %}
