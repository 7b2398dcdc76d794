{#- In how many intervals of the range units were active: (intervals, value), a row for each number
    from 1 to that of the range. criteria: an aggregate condition on the events of an
    interval that makes it count. interval_count: intervals taken together, counted
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

        qualifying as (
            select
                {{ unit }} as unit,
                {{ bucket("occurred_at", interval, timezone, week_start) }} as bucket
            from {{ relation }}
            where
                {{ condition }} and {{ unit }} is not null and {{ in_range("occurred_at", range) }}
        ),

        active as (
            select qualifying.unit, groups.position
            from qualifying
            inner join groups on qualifying.bucket = groups.bucket
            group by qualifying.unit, groups.position
            having {{ criteria }}
        ),

        counted as (select unit, count(*) as intervals from active group by unit),

        numbers as (select distinct position + 1 as intervals from groups)

    select numbers.intervals, count(counted.unit) as value
    from numbers
    left join counted on counted.intervals {{ ">=" if is_cumulative else "=" }} numbers.intervals
    group by numbers.intervals
{%- endmacro %}
