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

{#- A version as the app and a release's tag have in common: `v2.4.1` and `2.4.1` are one. -#}
{% macro app_version(column) -%}
    nullif({{ replace_matches("lower(trim(" ~ column ~ "))", regex("^v([0-9])"), "\\1") }}, '')
{%- endmacro %}

{#- The version that an event names: PostHog's mobile libraries send `$app_version`, a web app what it
    calls its own. -#}
{% macro app_version_property(properties) -%}
    coalesce(
        {{ json_text(properties, ["$app_version"]) }},
        {{ json_text(properties, [var("app_version_property")]) }}
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

{#- A regular expression as a literal. Only what RE2 and Java both know may stand in it: classes,
    groups, `(?i:…)`, `\p{L}`. -#}
{% macro regex(pattern) -%} {{ return(adapter.dispatch("regex")(pattern)) }} {%- endmacro %}

{#- Here a backslash in a literal escapes. -#}
{% macro default__regex(pattern) -%} '{{ pattern | replace("\\", "\\\\") }}' {%- endmacro %}

{% macro duckdb__regex(pattern) -%} '{{ pattern }}' {%- endmacro %}

{#- Every match of a regular expression replaced; `\1` in the replacement is its first group. -#}
{% macro replace_matches(column, pattern, replacement) -%}
    {{ return(adapter.dispatch("replace_matches")(column, pattern, replacement)) }}
{%- endmacro %}

{% macro default__replace_matches(column, pattern, replacement) -%}
    regexp_replace({{ column }}, {{ pattern }}, '{{ replacement | replace("\\", "$") }}')
{%- endmacro %}

{% macro duckdb__replace_matches(column, pattern, replacement) -%}
    regexp_replace({{ column }}, {{ pattern }}, '{{ replacement }}', 'g')
{%- endmacro %}

{#- Free text without e-mail addresses, phone numbers and names, fit to leave staging. `names` are
    columns with the names of people whom it may mention: whole names and each word of them that has
    three letters or more are taken out, in any case. Names that no column knows are taken out where
    people write them: after a greeting, a word of thanks or a farewell. -#}
{% macro redacted_text(column, names=[]) -%}
    {%- set email = '[^\\s<>(),;:"]+@[^\\s<>(),;:"]*[A-Za-z0-9]' -%}
    {#- With a prefix of a country or an area, or ten digits and more: dates and sums stay. -#}
    {%- set international = "([+]|00)[1-9][0-9 ()./-]{5,}[0-9]" -%}
    {%- set national = "(^|[^0-9])[(]?0[1-9][0-9]{0,4}[)]?[ ./-]{1,3}[0-9][0-9 ./-]{4,}[0-9]" -%}
    {%- set grouped = "[(]?[2-9][0-9]{2}[)]?[ .-][0-9]{3}[ .-][0-9]{4}" -%}
    {%- set long = "[0-9]{10,}" -%}
    {%- set greeting = "hi|hello|hey|dear|thanks|thank you|thx|best|regards|wishes|cheers|sincerely|yours|my name is" -%}
    {%- set word = "(?:\\p{Lu}[\\p{L}''-]+|\\[name\\])" -%}
    {%- set greeted = (
        "((?i:(?:^|[^\\p{L}])(?:"
        ~ greeting
        ~ "))[\\s,!.-]+)"
        ~ word
        ~ "(?: "
        ~ word
        ~ ")?"
    ) -%}
    {%- set ns = namespace(text=column) -%}
    {%- for pattern, mark in [
        (email, "[email]"),
        (international, "[phone]"),
        (national, "\\1[phone]"),
        (grouped, "[phone]"),
        (long, "[phone]"),
    ] -%}
        {%- set ns.text = replace_matches(ns.text, regex(pattern), mark) -%}
    {%- endfor -%}
    {%- if names -%}
        {%- set begin, end = regex("(^|[^\\p{L}])(?i:"), regex(")($|[^\\p{L}])") -%}
        {%- set known = begin ~ " || " ~ any_name(names) ~ " || " ~ end -%}
        {#- Twice, since two names side by side share what separates them. -#}
        {%- set found = replace_matches(ns.text, known, "\\1[name]\\2") -%}
        {%- set found = replace_matches(found, known, "\\1[name]\\2") -%}
        {#- A pattern that differs by row is compiled for each of them, 8 ms for a ticket of three
            texts: few mention a name at all. -#}
        {%- set ns.text = (
            "case when "
            ~ share_a_word(column, names)
            ~ " then "
            ~ found
            ~ " else "
            ~ ns.text
            ~ " end"
        ) -%}
    {%- endif -%}
    {{ replace_matches(ns.text, regex(greeted), "\\1[name]") }}
{%- endmacro %}

{#- Whether a text has a word of one of the names in some columns, in any case. -#}
{% macro share_a_word(text, names) -%}
    {{ return(adapter.dispatch("share_a_word")(text, names)) }}
{%- endmacro %}

{% macro default__share_a_word(text, names) -%}
    {%- set word = regex("\\p{L}+") -%}
    arrays_overlap(
        regexp_extract_all(lower({{ text }}), {{ word }}, 0),
        regexp_extract_all(lower(concat_ws(' ', {{ names | join(", ") }})), {{ word }}, 0)
    )
{%- endmacro %}

{% macro duckdb__share_a_word(text, names) -%}
    {%- set word = regex("\\p{L}+") -%}
    list_has_any(
        regexp_extract_all(lower({{ text }}), {{ word }}),
        regexp_extract_all(lower(concat_ws(' ', {{ names | join(", ") }})), {{ word }})
    )
{%- endmacro %}

{#- A pattern of any of the names in some columns, and of their longer words. -#}
{% macro any_name(names) -%}
    coalesce(
        nullif(
            concat_ws(
                '|'
                {%- for name in names -%}
                    ,
                    nullif({{ name_between(name, ".{1,3}") }}, ''),
                    nullif({{ name_words(name) }}, '')
                {%- endfor -%}
            ),
            ''
        ),
        -- Nobody is called this: nothing follows an end.
        '$x'
    )
{%- endmacro %}

{#- A name with something else between its words. -#}
{% macro name_between(name, separator) -%}
    {{ replace_matches("trim(" ~ name ~ ")", regex("[^\\p{L}]+"), separator) }}
{%- endmacro %}

{#- `Ann O'Brien-Li` as `Ann|Brien`. Every word has bars of its own, so that each is looked at. -#}
{% macro name_words(name) -%}
    {%- set barred = "'|' || " ~ name_between(name, "||") ~ " || '|'" -%}
    {%- set longer = replace_matches(barred, regex("[|]\\p{L}{1,2}[|]"), "|") -%}
    trim(both '|' from {{ replace_matches(longer, regex("[|]+"), "|") }})
{%- endmacro %}

{#- One value of a JSON text column as text, of a key that is an expression. -#}
{% macro json_text_at(column, key) -%}
    {{ return(adapter.dispatch("json_text_at")(column, key)) }}
{%- endmacro %}
{% macro default__json_text_at(column, key) -%}
    get_json_object({{ column }}, concat('$["', {{ key }}, '"]'))
{%- endmacro %}
{% macro duckdb__json_text_at(column, key) -%}
    nullif(json_extract_string({{ column }}, '$."' || {{ key }} || '"'), '')
{%- endmacro %}

{#- One row for each item of a list in a JSON text column, in order: (key, position from 0, item). -#}
{% macro json_items(relation, key, column, list) -%}
    {{ return(adapter.dispatch("json_items")(relation, key, column, list)) }}
{%- endmacro %}
{% macro default__json_items(relation, key, column, list) -%}
    select {{ key }}, position, item
    from {{ relation }}
    lateral view
        posexplode(
            from_json(get_json_object({{ column }}, '$.{{ list }}'), 'array<string>')
        ) items as position,
        item
{%- endmacro %}
{% macro duckdb__json_items(relation, key, column, list) -%}
    select {{ key }}, unnest(range(len(items))) as position, cast(unnest(items) as varchar) as item
    from
        (
            select {{ key }}, json_extract({{ column }}, '$.{{ list }}[*]') as items
            from {{ relation }}
        ) as lists
{%- endmacro %}
