{#- How often, and by how many. Definition sheet: active users; PostHog `trends/test/test_trends.py`.

    relation: rows of events with `occurred_at` (UTC) and the unit's column.
    condition: SQL that says which events qualify. -#}

{#- (bucket, value): events a bucket, those of nobody included; empty buckets are 0. -#}
{% macro event_totals(relation, range, interval, condition="true", week_start="monday") -%}
    with
        spine as ({{ bucket_spine(range, interval, week_start) }}),

        counted as (
            select
                {{ bucket("occurred_at", interval, range.get("timezone", "UTC"), week_start) }} as bucket,
                count(*) as value
            from {{ relation }}
            where {{ condition }} and {{ in_range("occurred_at", range) }}
            group by 1
        )

    select spine.bucket, coalesce(counted.value, 0) as value
    from spine
    left join counted on spine.bucket = counted.bucket
{%- endmacro %}

{#- (bucket, value): distinct units with an event in the window that ends with the bucket.
    window: none for the bucket itself, week for 7 days (168 hours in hourly buckets), month for 30
    days. With buckets as long as the window or longer it is the bucket itself. Windows reach back
    before the range. Each unit adds 1 where its window opens and takes it away where it closes, so
    overlapping windows count once and events are read once. -#}
{% macro active_users(
    relation, range, interval, window=none, condition="true", unit="person_id", week_start="monday"
) -%}
    {%- set days = {"week": 7, "month": 30}.get(window, 1) -%}
    {%- set length = {"hour": 24 * days, "day": days}.get(interval, 1) if window else 1 -%}
    {%- set timezone = range.get("timezone", "UTC") -%}
    {%- set until = {"to": range["to"], "timezone": timezone} -%}
    with
        spine as ({{ bucket_spine(range, interval, week_start) }}),

        active as (
            select distinct
                {{ unit }} as unit,
                {{ bucket("occurred_at", interval, timezone, week_start) }} as bucket
            from {{ relation }}
            where
                {{ condition }}
                and {{ unit }} is not null
                {% if length == 1 %} and {{ in_range("occurred_at", range) }}
                {% else %} and {{ in_range("occurred_at", until) }}
                {% endif %}
        ),

        spans as (
            select
                bucket as opens,
                least(
                    {{ later_bucket("bucket", length, interval) }},
                    coalesce(
                        lead(bucket) over (partition by unit order by bucket),
                        {{ later_bucket("bucket", length, interval) }}
                    )
                ) as closes
            from active
        ),

        steps as (
            select opens as bucket, 1 as step
            from spans
            union all
            select closes as bucket, -1 as step
            from spans
            union all
            select bucket, 0 as step
            from spine
        ),

        running as (
            select bucket, sum(sum(step)) over (order by bucket) as value
            from steps
            group by bucket
        )

    select spine.bucket, cast(running.value as bigint) as value
    from spine
    inner join running on spine.bucket = running.bucket
{%- endmacro %}

{#- One row (value): distinct units in the window that ends with the range: what a single number
    shows, which is not the uniques of the range. -#}
{% macro active_users_at_end(relation, range, window, condition="true", unit="person_id") -%}
    {%- set days = {"week": 7, "month": 30}[window] -%}
    {%- set timezone = range.get("timezone", "UTC") -%}
    select count(distinct {{ unit }}) as value
    from {{ relation }}
    where
        {{ condition }}
        and {{ in_range("occurred_at", {"to": range["to"], "timezone": timezone}) }}
        and {{ bucket("occurred_at", "day", timezone) }}
        > {{ later_bucket(bucket(instant(range["to"], timezone), "day", timezone), -days, "day") }}
{%- endmacro %}
