{#
    What the three engines say differently, and nothing else. `default__` is DuckDB; Athena speaks Trino's SQL.
#}

{% macro type_text() %}{{ adapter.dispatch('type_text', 'clickstream')() }}{% endmacro %}
{% macro default__type_text() %}varchar{% endmacro %}
{# Without a length Redshift takes 256 bytes. #}
{% macro redshift__type_text() %}varchar(16384){% endmacro %}

{# A timestamp type that the engine's tables hold to the microsecond. #}
{% macro type_instant() %}{{ adapter.dispatch('type_instant', 'clickstream')() }}{% endmacro %}
{% macro default__type_instant() %}timestamp{% endmacro %}
{% macro athena__type_instant() %}timestamp(6){% endmacro %}

{# The text under a key of a map of texts; null where it has none. #}
{% macro map_value(map, key) %}{{ adapter.dispatch('map_value', 'clickstream')(map, key) }}{% endmacro %}
{% macro default__map_value(map, key) %}{{ map }}['{{ key }}']{% endmacro %}
{% macro athena__map_value(map, key) %}element_at({{ map }}, '{{ key }}'){% endmacro %}
{# Maps of Iceberg tables come as SUPER. #}
{% macro redshift__map_value(map, key) %}cast({{ map }}."{{ key }}" as varchar(16384)){% endmacro %}

{# The whole part of a quotient of whole numbers. #}
{% macro int_div(a, b) %}{{ adapter.dispatch('int_div', 'clickstream')(a, b) }}{% endmacro %}
{% macro default__int_div(a, b) %}(({{ a }}) // ({{ b }})){% endmacro %}
{% macro athena__int_div(a, b) %}(({{ a }}) / ({{ b }})){% endmacro %}
{% macro redshift__int_div(a, b) %}(({{ a }}) / ({{ b }})){% endmacro %}

{# Microseconds since 1970. Differences of instants are differences of these: engines disagree on parts of a unit. #}
{% macro epoch_us(instant) %}{{ adapter.dispatch('epoch_us', 'clickstream')(instant) }}{% endmacro %}
{% macro default__epoch_us(instant) %}epoch_us({{ instant }}){% endmacro %}
{# A double holds the seconds of this century to a quarter of a microsecond, so rounding gives the very one. #}
{% macro athena__epoch_us(instant) %}cast(round(to_unixtime({{ instant }}) * 1e6) as bigint){% endmacro %}
{% macro redshift__epoch_us(instant) -%}
    datediff(microsecond, cast('1970-01-01 00:00:00' as timestamp), {{ instant }})
{%- endmacro %}

{% macro days_between(a, b) %}{{ adapter.dispatch('days_between', 'clickstream')(a, b) }}{% endmacro %}
{% macro default__days_between(a, b) %}date_diff('day', {{ a }}, {{ b }}){% endmacro %}
{% macro redshift__days_between(a, b) %}datediff(day, {{ a }}, {{ b }}){% endmacro %}

{% macro plus_minutes(instant, minutes) %}{{ adapter.dispatch('plus_minutes', 'clickstream')(instant, minutes) }}{% endmacro %}
{% macro default__plus_minutes(instant, minutes) %}({{ instant }} + interval ({{ minutes }}) minute){% endmacro %}
{% macro athena__plus_minutes(instant, minutes) %}date_add('minute', {{ minutes }}, {{ instant }}){% endmacro %}
{% macro redshift__plus_minutes(instant, minutes) %}dateadd(minute, {{ minutes }}, {{ instant }}){% endmacro %}

{% macro week_of(date) %}cast(date_trunc('week', {{ date }}) as date){% endmacro %}

{# The part of a text in the one pair of parentheses of a pattern; null where it does not match or is empty.
   Patterns keep to what RE2, Trino's and POSIX have in common: no backslash, no (?:...), one group. #}
{% macro matched(text, pattern) %}{{ adapter.dispatch('matched', 'clickstream')(text, pattern) }}{% endmacro %}
{% macro default__matched(text, pattern) %}nullif(regexp_extract({{ text }}, '{{ pattern }}', 1), ''){% endmacro %}
{% macro redshift__matched(text, pattern) %}nullif(regexp_substr({{ text }}, '{{ pattern }}', 1, 1, 'e'), ''){% endmacro %}

{% macro matches(text, pattern) %}{{ adapter.dispatch('matches', 'clickstream')(text, pattern) }}{% endmacro %}
{% macro default__matches(text, pattern) %}regexp_matches({{ text }}, '{{ pattern }}'){% endmacro %}
{% macro athena__matches(text, pattern) %}regexp_like({{ text }}, '{{ pattern }}'){% endmacro %}
{% macro redshift__matches(text, pattern) %}({{ text }} ~ '{{ pattern }}'){% endmacro %}

{# The value of the first (last) row of a group, by a whole number that orders them, whose value is not null. #}
{% macro first_text(value, place) %}{{ adapter.dispatch('first_text', 'clickstream')(value, place) }}{% endmacro %}
{% macro default__first_text(value, place) %}min_by({{ value }}, {{ place }}) filter (where {{ value }} is not null){% endmacro %}
{# It has no min_by: the place is written before the value, in as many digits as any place has. #}
{% macro redshift__first_text(value, place) -%}
    substring(min(lpad(cast({{ place }} as varchar(12)), 12, '0') || {{ value }}), 13)
{%- endmacro %}
{% macro last_text(value, place) %}{{ adapter.dispatch('last_text', 'clickstream')(value, place) }}{% endmacro %}
{% macro default__last_text(value, place) %}max_by({{ value }}, {{ place }}) filter (where {{ value }} is not null){% endmacro %}
{% macro redshift__last_text(value, place) -%}
    substring(max(lpad(cast({{ place }} as varchar(12)), 12, '0') || {{ value }}), 13)
{%- endmacro %}

{# The texts of a group in one, in order. Whoever calls it bounds how many there are: Redshift takes 64 KiB. #}
{% macro joined(value, separator, order) %}{{ adapter.dispatch('joined', 'clickstream')(value, separator, order) }}{% endmacro %}
{% macro default__joined(value, separator, order) %}string_agg({{ value }}, '{{ separator }}' order by {{ order }}){% endmacro %}
{% macro athena__joined(value, separator, order) -%}
    listagg({{ value }}, '{{ separator }}') within group (order by {{ order }})
{%- endmacro %}
{% macro redshift__joined(value, separator, order) -%}
    listagg({{ value }}, '{{ separator }}') within group (order by {{ order }})
{%- endmacro %}

{# How many of a group's rows a condition holds for. #}
{% macro count_of(condition) %}cast(coalesce(sum(case when {{ condition }} then 1 else 0 end), 0) as bigint){% endmacro %}
{% macro whole_sum(value) %}cast(sum({{ value }}) as bigint){% endmacro %}
{% macro type_double() %}{{ adapter.dispatch('type_double', 'clickstream')() }}{% endmacro %}
{% macro default__type_double() %}double{% endmacro %}
{% macro redshift__type_double() %}double precision{% endmacro %}
