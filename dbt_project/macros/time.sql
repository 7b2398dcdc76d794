{#- Time in our own words: dbt.dateadd drops sub-seconds on Spark and dbt.datediff counts
    boundaries, so neither is used. -#}
{#- A timestamp with zone as a plain UTC timestamp. -#}
{% macro utc(column) -%} {{ return(adapter.dispatch("utc")(column)) }} {%- endmacro %}
{% macro default__utc(column) -%} cast({{ column }} as timestamp) {%- endmacro %}
{#- Through the epoch, since `at time zone` asks the calendar library for every row: 0.63 s against
    0.04 s for 3.8 M timestamps. -#}
{% macro duckdb__utc(column) -%}
    make_timestamp(epoch_us(cast({{ column }} as timestamptz)))
{%- endmacro %}

{#- ISO text as a UTC timestamp; null where it cannot be read. -#}
{% macro utc_from_text(column) -%}
    {{ return(adapter.dispatch("utc_from_text")(column)) }}
{%- endmacro %}
{% macro default__utc_from_text(column) -%} try_cast({{ column }} as timestamp) {%- endmacro %}
{% macro duckdb__utc_from_text(column) -%}
    (try_cast({{ column }} as timestamptz) at time zone 'UTC')
{%- endmacro %}

{% macro date_plus_days(column, days) -%}
    {{ return(adapter.dispatch("date_plus_days")(column, days)) }}
{%- endmacro %}
{% macro default__date_plus_days(column, days) -%}
    date_add({{ column }}, {{ days }})
{%- endmacro %}
{% macro duckdb__date_plus_days(column, days) -%}
    cast({{ column }} + interval '1 day' * ({{ days }}) as date)
{%- endmacro %}

{#- Whole days from one date to a later one. -#}
{% macro days_between(earlier, later) -%}
    {{ return(adapter.dispatch("days_between")(earlier, later)) }}
{%- endmacro %}
{% macro default__days_between(earlier, later) -%}
    datediff({{ later }}, {{ earlier }})
{%- endmacro %}
{% macro duckdb__days_between(earlier, later) -%}
    date_diff('day', {{ earlier }}, {{ later }})
{%- endmacro %}

{#- The Monday on or before a date. -#}
{% macro week_start(column) -%} cast(date_trunc('week', {{ column }}) as date) {%- endmacro %}

{#- One row a day from `first` to `last`, both dates and both included. -#}
{% macro date_spine(first, last) -%}
    {{ return(adapter.dispatch("date_spine")(first, last)) }}
{%- endmacro %}
{% macro default__date_spine(first, last) -%}
    select explode(sequence({{ first }}, {{ last }}, interval 1 day)) as date_day
{%- endmacro %}
{% macro duckdb__date_spine(first, last) -%}
    select cast(day as date) as date_day
    from (select unnest(generate_series({{ first }}, {{ last }}, interval 1 day)) as day) as days
{%- endmacro %}

{#- (number): 0, 1, … and so on, `count` of them. -#}
{% macro numbers(count) -%} {{ return(adapter.dispatch("numbers")(count)) }} {%- endmacro %}
{% macro default__numbers(count) -%}
    select explode(sequence(0, {{ count - 1 }})) as number
{%- endmacro %}
{% macro duckdb__numbers(count) -%}
    select unnest(generate_series(0, {{ count - 1 }})) as number
{%- endmacro %}
