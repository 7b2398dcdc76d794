{#- Ranges and buckets of local time. A range is {"from", "to", "timezone"}: dates are whole local
    days, both included; texts with a time (2020-06-16T06:00:00Z) are instants. Timestamps are UTC. -#}
{#- A UTC timestamp as local time. -#}
{% macro local_time(column, timezone="UTC") -%}
    {{ return(adapter.dispatch("local_time")(column, timezone)) }}
{%- endmacro %}
{% macro default__local_time(column, timezone) -%}
    from_utc_timestamp({{ column }}, '{{ timezone }}')
{%- endmacro %}
{% macro duckdb__local_time(column, timezone) -%}
    {%- if timezone == "UTC" -%} {{ column }}
    {%- else -%} timezone('{{ timezone }}', timezone('UTC', {{ column }}))
    {%- endif -%}
{%- endmacro %}

{#- The UTC timestamp of a literal: a local midnight, or an instant. -#}
{% macro instant(value, timezone="UTC") -%}
    {{ return(adapter.dispatch("instant")(value, timezone)) }}
{%- endmacro %}
{% macro default__instant(value, timezone) -%}
    {%- if value | length == 10 -%}
        to_utc_timestamp(timestamp '{{ value }} 00:00:00', '{{ timezone }}')
    {%- else -%} cast('{{ value }}' as timestamp)
    {%- endif -%}
{%- endmacro %}
{% macro duckdb__instant(value, timezone) -%}
    {%- if value | length > 10 -%} timezone('UTC', cast('{{ value }}' as timestamptz))
    {%- elif timezone == "UTC" -%} cast('{{ value }}' as timestamp)
    {%- else -%} timezone('UTC', timezone('{{ timezone }}', cast('{{ value }}' as timestamp)))
    {%- endif -%}
{%- endmacro %}

{#- Whether a UTC timestamp is in a range; either end may be missing. -#}
{% macro in_range(column, range) -%}
    {%- set timezone = range.get("timezone", "UTC") -%}
    (
        true
        {%- if range.get("from") %}
            and {{ column }} >= {{ instant(range["from"], timezone) }}
        {%- endif -%}
        {%- if range.get("to") %} and {{ before_end(column, range) }} {%- endif -%}
    )
{%- endmacro %}

{% macro before_end(column, range) -%}
    {%- set timezone = range.get("timezone", "UTC") -%}
    {%- if range["to"] | length == 10 -%}
        {{ column }} < {{ instant(day_after(range["to"]), timezone) }}
    {%- else -%} {{ column }} <= {{ instant(range["to"], timezone) }}
    {%- endif -%}
{%- endmacro %}

{% macro day_after(date) -%}
    {%- set day = modules.datetime.date.fromisoformat(date) + modules.datetime.timedelta(days=1) -%}
    {{ return(day.isoformat()) }}
{%- endmacro %}

{#- The start of the local hour, day, week or month of a UTC timestamp, as a local timestamp.
    Truncated in local time: a day around a clock change has 23 or 25 hours. -#}
{% macro bucket(column, interval, timezone="UTC", week_start="monday") -%}
    {%- set local = local_time(column, timezone) -%}
    {%- if interval == "week" and week_start == "sunday" -%}
        (date_trunc('week', {{ local }} + interval '1 day') - interval '1 day')
    {%- else -%} date_trunc('{{ interval }}', cast({{ local }} as timestamp))
    {%- endif -%}
{%- endmacro %}

{#- The buckets of a range: (bucket, position), position counted from 0. -#}
{% macro bucket_spine(range, interval, week_start="monday") -%}
    {%- set timezone = range.get("timezone", "UTC") -%}
    select bucket, row_number() over (order by bucket) - 1 as position
    from
        (
            {{
                timestamp_series(
                    bucket(instant(range["from"], timezone), interval, timezone, week_start),
                    bucket(instant(range["to"], timezone), interval, timezone, week_start),
                    interval,
                )
            }}
        ) as series
{%- endmacro %}

{% macro timestamp_series(first, last, interval) -%}
    {{ return(adapter.dispatch("timestamp_series")(first, last, interval)) }}
{%- endmacro %}
{% macro default__timestamp_series(first, last, interval) -%}
    select explode(sequence({{ first }}, {{ last }}, interval 1 {{ interval }})) as bucket
{%- endmacro %}
{% macro duckdb__timestamp_series(first, last, interval) -%}
    select unnest(generate_series({{ first }}, {{ last }}, interval '1 {{ interval }}')) as bucket
{%- endmacro %}

{#- A bucket that many intervals later. -#}
{% macro later_bucket(column, count, interval) -%}
    ({{ column }} + ({{ count }}) * interval '1 {{ interval }}')
{%- endmacro %}

{#- Seconds between two timestamps, with fractions. -#}
{% macro seconds_between(earlier, later) -%}
    {{ return(adapter.dispatch("seconds_between")(earlier, later)) }}
{%- endmacro %}
{% macro default__seconds_between(earlier, later) -%}
    ((unix_micros({{ later }}) - unix_micros({{ earlier }})) / 1000000.0)
{%- endmacro %}
{% macro duckdb__seconds_between(earlier, later) -%}
    ((epoch_us({{ later }}) - epoch_us({{ earlier }})) / 1e6)
{%- endmacro %}

{#- A timestamp so many seconds later. -#}
{% macro ts_plus_seconds(column, seconds) -%}
    ({{ column }} + interval '{{ seconds }} seconds')
{%- endmacro %}
