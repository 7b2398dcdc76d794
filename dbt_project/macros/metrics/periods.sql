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

{#- The last instant of a range: of a whole day its last microsecond. -#}
{% macro last_instant(range) -%}
    {%- set timezone = range.get("timezone", "UTC") -%}
    {%- if range["to"] | length == 10 -%}
        ({{ instant(day_after(range["to"]), timezone) }} - interval '1 microsecond')
    {%- else -%} {{ instant(range["to"], timezone) }}
    {%- endif -%}
{%- endmacro %}

{% macro day_after(date) -%}
    {%- set day = modules.datetime.date.fromisoformat(date) + modules.datetime.timedelta(days=1) -%}
    {{ return(day.isoformat()) }}
{%- endmacro %}

{#- The start of the local day, week or month of a UTC timestamp, as a local timestamp: truncated in local
    time, since a day around a clock change has 23 or 25 hours. Of an hour the UTC timestamp of its start:
    when clocks go back, two have the same local one. -#}
{% macro bucket(column, interval, timezone="UTC", week_start="monday") -%}
    {%- set local = local_time(column, timezone) -%}
    {%- if interval == "week" and week_start == "sunday" -%}
        (date_trunc('week', {{ local }} + interval '1 day') - interval '1 day')
    {%- elif interval == "hour" and timezone != "UTC" -%}
        {#- Not of UTC: there are zones half an hour from it. -#}
        ({{ column }} - ({{ local }} - date_trunc('hour', {{ local }})))
    {%- else -%} date_trunc('{{ interval }}', cast({{ local }} as timestamp))
    {%- endif -%}
{%- endmacro %}

{#- The number of the bucket of a UTC timestamp: whole, one more than that of the bucket before, and
    grouped and compared at less cost than a timestamp. Days and weeks
    are counted from the year 1, which opens with a Monday. -#}
{% macro bucket_number(column, interval, timezone="UTC", week_start="monday") -%}
    {{
        return(
            adapter.dispatch("bucket_number")(
                (
                    bucket(column, "hour", timezone)
                    if interval == "hour"
                    else local_time(column, timezone)
                ),
                interval,
                1 if week_start == "sunday" else 0,
            )
        )
    }}
{%- endmacro %}
{% macro default__bucket_number(time, interval, shift) -%}
    {%- set day = "datediff(cast(" ~ time ~ " as date), date '0001-01-01')" -%}
    {%- if interval == "hour" -%} cast(floor({{ micros(time) }} / 3600000000) as bigint)
    {%- elif interval == "day" -%} {{ day }}
    {%- elif interval == "week" -%} {{ week_of_day(day, shift) }}
    {%- else -%} (year({{ time }}) * 12 + month({{ time }}))
    {%- endif -%}
{%- endmacro %}
{% macro duckdb__bucket_number(time, interval, shift) -%}
    {%- set day = "(cast(" ~ time ~ " as date) - date '0001-01-01')" -%}
    {%- if interval == "hour" -%} divide({{ micros(time) }}, 3600000000)
    {%- elif interval == "day" -%} {{ day }}
    {%- elif interval == "week" -%} {{ week_of_day(day, shift) }}
    {%- else -%}(year({{ time }}) * 12 + month({{ time }}))
    {%- endif -%}
{%- endmacro %}

{#- The number of the week that a day is in, by that of the day. shift: 1 if weeks begin with Sundays. -#}
{% macro week_of_day(number, shift) -%}
    {{ return(adapter.dispatch("week_of_day")(number, shift)) }}
{%- endmacro %}
{% macro default__week_of_day(number, shift) -%}
    cast(floor(({{ number }} + {{ shift }}) / 7) as bigint)
{%- endmacro %}
{% macro duckdb__week_of_day(number, shift) -%}
    divide({{ number }} + {{ shift }}, 7)
{%- endmacro %}

{#- How many buckets a range has at most, wherever its zone and its weeks begin. -#}
{% macro bucket_count_at_most(range, interval) -%}
    {%- set first = modules.datetime.date.fromisoformat(range["from"][:10]) -%}
    {%- set last = modules.datetime.date.fromisoformat(range["to"][:10]) -%}
    {%- set hours = {"hour": 1, "day": 24, "week": 7 * 24, "month": 28 * 24}[interval] -%}
    {{ return(((last - first).days + 3) * 24 // hours + 2) }}
{%- endmacro %}

{#- The number that has one bit, at a place from 0 to 61. -#}
{% macro bit(place) -%} {{ return(adapter.dispatch("bit")(place)) }} {%- endmacro %}
{% macro default__bit(place) -%} shiftleft(cast(1 as bigint), {{ place }}) {%- endmacro %}
{% macro duckdb__bit(place) -%}(cast(1 as bigint) << ({{ place }})) {%- endmacro %}

{#- The bits from a place on: that at the place is the first. -#}
{% macro bits_from(bits, place) -%}
    {{ return(adapter.dispatch("bits_from")(bits, place)) }}
{%- endmacro %}
{% macro default__bits_from(bits, place) -%} shiftright({{ bits }}, {{ place }}) {%- endmacro %}
{% macro duckdb__bits_from(bits, place) -%}({{ bits }} >> ({{ place }})) {%- endmacro %}

{#- The distinct buckets of units: (`columns`, bucket_number). columns: expressions by their name. DuckDB
    gathers sixty buckets as the bits of a number: fewer groups, 0.1 s of CPU for three million events
    on their days where distinct takes 0.28. -#}
{% macro distinct_buckets(relation, columns, number, condition) -%}
    {{ return(adapter.dispatch("distinct_buckets")(relation, columns, number, condition)) }}
{%- endmacro %}
{% macro default__distinct_buckets(relation, columns, number, condition) -%}
    select distinct
        {% for name, expression in columns.items() %} {{ expression }} as {{ name }}, {% endfor %}
        {{ number }} as bucket_number
    from {{ relation }}
    where {{ condition }}
{%- endmacro %}
{% macro duckdb__distinct_buckets(relation, columns, number, condition) -%}
    select
        {% for name in columns %} words.{{ name }}, {% endfor %}
        words.word * 60 + places.number as bucket_number
    from
        (
            select
                {% for name, expression in columns.items() %}
                    {{ expression }} as {{ name }},
                {% endfor %}
                divide({{ number }}, 60) as word,
                bit_or({{ bit(number ~ " % 60") }}) as bits
            from {{ relation }}
            where {{ condition }}
            group by {{ columns | join(", ") }}, word
        ) as words
    inner join
        ({{ numbers(60) }}) as places on {{ bits_from("words.bits", "places.number") }} & 1 = 1
{%- endmacro %}

{#- The buckets of a range: (bucket, position), position counted from 0. -#}
{% macro bucket_spine(range, interval, week_start="monday") -%}
    {%- set timezone = range.get("timezone", "UTC") -%}
    {%- set first = bucket(instant(range["from"], timezone), interval, timezone, week_start) -%}
    {%- set last = bucket(last_instant(range), interval, timezone, week_start) -%}
    select bucket, row_number() over (order by bucket) - 1 as position
    from
        (
            {% if interval == "hour" and timezone != "UTC" %}
                {#- By half hours: so much some zones' clocks change. -#}
                select distinct {{ bucket("bucket", interval, timezone) }} as bucket
                from ({{ timestamp_series(first, last, "minute", 30) }}) as half_hours
            {% else %}{{ timestamp_series(first, last, interval) }}
            {% endif %}
        ) as series
{%- endmacro %}

{% macro timestamp_series(first, last, interval, step=1) -%}
    {{ return(adapter.dispatch("timestamp_series")(first, last, interval, step)) }}
{%- endmacro %}
{% macro default__timestamp_series(first, last, interval, step) -%}
    select explode(sequence({{ first }}, {{ last }}, interval {{ step }} {{ interval }})) as bucket
{%- endmacro %}
{% macro duckdb__timestamp_series(first, last, interval, step) -%}
    select
        unnest(
            generate_series({{ first }}, {{ last }}, interval '{{ step }} {{ interval }}')
        ) as bucket
{%- endmacro %}

{#- A bucket that many intervals later. -#}
{% macro later_bucket(column, count, interval) -%}
    ({{ column }} + ({{ count }}) * interval '1 {{ interval }}')
{%- endmacro %}

{#- A timestamp as whole microseconds, and back. -#}
{% macro micros(timestamp) -%} {{ return(adapter.dispatch("micros")(timestamp)) }} {%- endmacro %}
{% macro default__micros(timestamp) -%} unix_micros({{ timestamp }}) {%- endmacro %}
{% macro duckdb__micros(timestamp) -%} epoch_us({{ timestamp }}) {%- endmacro %}

{% macro from_micros(number) -%}
    {{ return(adapter.dispatch("from_micros")(number)) }}
{%- endmacro %}
{% macro default__from_micros(number) -%} timestamp_micros({{ number }}) {%- endmacro %}
{% macro duckdb__from_micros(number) -%} make_timestamp({{ number }}) {%- endmacro %}

{#- Seconds between two timestamps, with fractions. -#}
{% macro seconds_between(earlier, later) -%}
    (({{ micros(later) }} - {{ micros(earlier) }}) / 1e6)
{%- endmacro %}

{#- A timestamp so many seconds later. -#}
{% macro ts_plus_seconds(column, seconds) -%}
    ({{ column }} + interval '{{ seconds }} seconds')
{%- endmacro %}
