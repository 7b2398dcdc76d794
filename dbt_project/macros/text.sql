{#- One value of a JSON text column as text; null where it is missing. `path` is dotted keys,
    each quoted in the engine's own way: json_text("properties", ["$groups", "account"]). -#}
{% macro json_text(column, keys) -%}
    {{ return(adapter.dispatch("json_text")(column, keys)) }}
{%- endmacro %}

{% macro default__json_text(column, keys) -%}
    get_json_object({{ column }}, '${% for key in keys %}["{{ key }}"]{% endfor %}')
{%- endmacro %}

{% macro duckdb__json_text(column, keys) -%}
    nullif(json_extract_string({{ column }}, '${% for key in keys %}."{{ key }}"{% endfor %}'), '')
{%- endmacro %}

{#- One row for each part of a separated text column: (key, part). Empty parts are left out. -#}
{% macro split_rows(relation, key, column, separator=";") -%}
    {{ return(adapter.dispatch("split_rows")(relation, key, column, separator)) }}
{%- endmacro %}

{% macro default__split_rows(relation, key, column, separator) -%}
    select {{ key }}, trim(part) as part
    from {{ relation }}
    lateral view explode(split({{ column }}, '{{ separator }}')) parts as part
    where {{ column }} is not null and trim(part) <> ''
{%- endmacro %}

{% macro duckdb__split_rows(relation, key, column, separator) -%}
    select {{ key }}, trim(part) as part
    from
        (
            select {{ key }}, unnest(string_split({{ column }}, '{{ separator }}')) as part
            from {{ relation }}
            where {{ column }} is not null
        ) as parts
    where trim(part) <> ''
{%- endmacro %}

{% macro clean_email(column) -%} nullif(lower(trim({{ column }})), '') {%- endmacro %}

{% macro email_domain(column) -%}
    nullif(lower(trim(split_part({{ column }}, '@', 2))), '')
{%- endmacro %}

{#- `https://www.Acme.example/about` and `acme.example` are one company: sales people type both. -#}
{% macro clean_domain(column) -%}
    nullif(
        regexp_replace(
            regexp_replace(lower(trim({{ column }})), '^(https?://)?(www[.])?', ''), '[/:?#].*$', ''
        ),
        ''
    )
{%- endmacro %}

{#- `/pricing` of `https://acme.example/pricing?plan=team`, and `/` of an address without a path. -#}
{% macro url_path(column) -%}
    coalesce(
        nullif(regexp_extract({{ column }}, '^[a-zA-Z]+://[^/?#]+(/[^?#]*)', 1), ''),
        case when {{ column }} is not null then '/' end
    )
{%- endmacro %}

{#- An aggregate: texts in order of another, with `; ` between. -#}
{% macro joined_text(text, order_by) -%}
    {{ return(adapter.dispatch("joined_text")(text, order_by)) }}
{%- endmacro %}
{% macro default__joined_text(text, order_by) -%}
    array_join(
        transform(sort_array(collect_list(struct({{ order_by }}, {{ text }}))), x -> x.col2), '; '
    )
{%- endmacro %}
{% macro duckdb__joined_text(text, order_by) -%}
    string_agg({{ text }}, '; ' order by {{ order_by }})
{%- endmacro %}
