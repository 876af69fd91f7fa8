{# Parts of an address, absolute or of one site. Text stays as it was written: percent signs are not decoded. #}
{% macro url_host(url) -%}
    lower({{ matched(matched(url, '^[a-zA-Z][a-zA-Z0-9+.-]*://([^/?#]+)'), '([^@:]+)(:[0-9]*)?$') }})
{%- endmacro %}

{% macro url_path(url) -%}
    case
        when {{ url }} is null then null
        when {{ matches(url, '^[a-zA-Z][a-zA-Z0-9+.-]*://') }}
            then coalesce({{ matched(url, '^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*(/[^?#]*)') }}, '/')
        else coalesce({{ matched(url, '^([^?#]+)') }}, '/')
    end
{%- endmacro %}

{% macro url_parameter(url, name) -%}
    lower({{ matched(url, '[?&]' ~ name ~ '=([^&#]*)') }})
{%- endmacro %}
