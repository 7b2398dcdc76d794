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

{#- Free text without what says who somebody is: addresses, telephone numbers, and names where a
    letter has them, after a greeting, a closing or "my name is". `names` are columns whose value
    is somebody's name and is taken out wherever it stands. A name in mid-sentence that no column
    knows stays: what comes out is redacted, not anonymous.

    Numbers of years, amounts and dates are kept: a telephone number has a plus, a leading zero or
    the three groups of America's. -#}
{% macro redacted(column, names=[]) -%}
    {%- set text = namespace(sql=column) -%}
    {%- for name in names -%}
        {%- set text.sql = (
            "case when length(trim("
            ~ name
            ~ ")) >= 3 then replace("
            ~ text.sql
            ~ ", trim("
            ~ name
            ~ "), '[name]') else "
            ~ text.sql
            ~ " end"
        ) -%}
    {%- endfor -%}
    {%- set letter = "[A-ZÀ-ÖØ-Þ][A-Za-zÀ-ÖØ-öø-ÿ’-]+" -%}
    {%- set before = (
        "[Hh]i|[Hh]ello|[Hh]ey|[Dd]ear|[Tt]hanks|[Tt]hank you|[Rr]egards|[Cc]heers|[Ss]incerely|"
        ~ "[Bb]est|[Yy]ours|[Mm]y name is|[Tt]his is|[Ii] am|[Ii]’m|[Cc]ontact|[Cc]all|[Ww]rite to|"
        ~ "Mr[.]?|Mrs[.]?|Ms[.]?|Dr[.]?"
    ) -%}
    {%- set patterns = [
        ("[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+([.][A-Za-z0-9-]+)+", "[email]"),
        ("([+]|\\b00)[1-9][0-9 ()./-]{6,}[0-9]", "[phone]"),
        ("\\b0[1-9][0-9]{1,4}[ )/.-]*[0-9][0-9 .-]{4,}[0-9]\\b", "[phone]"),
        ("[(]?\\b[2-9][0-9]{2}[)]?[ .-][0-9]{3}[ .-][0-9]{4}\\b", "[phone]"),
    ] -%}
    {%- for pattern, mark in patterns -%}
        {%- set text.sql = replaced_everywhere(text.sql, pattern, mark) -%}
    {%- endfor -%}
    {%- set named = "\\b(" ~ before ~ ")([ ,:\\n]+)" ~ letter ~ "( " ~ letter ~ ")?" -%}
    {{ replaced_everywhere(text.sql, named, group(1) ~ group(2) ~ "[name]") }}
{%- endmacro %}

{#- Every place of a text that a pattern fits. -#}
{% macro replaced_everywhere(text, pattern, mark) -%}
    {{ return(adapter.dispatch("replaced_everywhere")(text, pattern, mark)) }}
{%- endmacro %}
{% macro default__replaced_everywhere(text, pattern, mark) -%}
    {#- In a literal of Spark a backslash begins an escape. -#}
    regexp_replace({{ text }}, '{{ pattern | replace("\\", "\\\\") }}', '{{ mark }}')
{%- endmacro %}
{% macro duckdb__replaced_everywhere(text, pattern, mark) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ mark }}', 'g')
{%- endmacro %}

{#- What the numbered group of a pattern fitted, in what takes its place. -#}
{% macro group(number) -%} {{ return(adapter.dispatch("group")(number)) }} {%- endmacro %}
{% macro default__group(number) -%} {{ return("$" ~ number) }} {%- endmacro %}
{% macro duckdb__group(number) -%} {{ return("\\" ~ number) }} {%- endmacro %}
