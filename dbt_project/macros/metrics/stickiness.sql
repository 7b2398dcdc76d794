{#- In how many intervals of the range units were active: (intervals, value), a row for each number
    from 1 to that of the range. `count_at_least`/`count_at_most`/`count_exactly`: how many events
    make an interval count (default: one or more). interval_count: intervals taken together, counted
    from the start of the range. is_cumulative: active in at least so many.
    Source: PostHog `test_stickiness_query_runner.py`. -#}
{% macro stickiness(
    relation,
    range,
    interval,
    condition="true",
    interval_count=1,
    criteria="count(*) >= 1",
    is_cumulative=false,
    unit="person_id",
    week_start="monday"
) -%}
    {%- set timezone = range.get("timezone", "UTC") -%}
    with
        spine as ({{ bucket_spine(range, interval, week_start) }}),

        groups as (
            select bucket, cast(floor(position / {{ interval_count }}) as bigint) as position
            from spine
        ),

        active as (
            select events.{{ unit }} as unit, groups.position
            from {{ relation }} as events
            inner join
                groups
                on {{ bucket("events.occurred_at", interval, timezone, week_start) }} = groups.bucket
            where
                {{ condition }}
                and events.{{ unit }} is not null
                and {{ in_range("events.occurred_at", range) }}
            group by 1, 2
            having {{ criteria }}
        ),

        counted as (
            select unit, count(*) as intervals
            from active
            group by unit
        ),

        numbers as (
            select distinct position + 1 as intervals
            from groups
        )

    select numbers.intervals, count(counted.unit) as value
    from numbers
    left join
        counted on counted.intervals {{ ">=" if is_cumulative else "=" }} numbers.intervals
    group by numbers.intervals
{%- endmacro %}
