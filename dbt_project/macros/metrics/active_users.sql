{#- How often, and by how many. Definition sheet: active users; PostHog `trends/test/test_trends.py`.

    relation: rows of events with `occurred_at` (UTC) and the unit's column.
    condition: SQL that says which events qualify. -#}
{#- (breakdown_value, bucket, value): events a bucket, those of nobody included; empty buckets are 0.
    breakdown: an expression of the event; without it the value is null. -#}
{% macro event_totals(
    relation, range, interval, condition="true", week_start="monday", breakdown=none
) -%}
    with
        spine as ({{ bucket_spine(range, interval, week_start) }}),

        counted as (
            select
                {{ breakdown or "cast(null as varchar)" }} as breakdown_value,
                {{ bucket("occurred_at", interval, range.get("timezone", "UTC"), week_start) }}
                as bucket,
                count(*) as value
            from {{ relation }}
            where {{ condition }} and {{ in_range("occurred_at", range) }}
            group by 1, 2
        ),

        values_seen as ({{ breakdown_values("counted", breakdown) }})

    select values_seen.breakdown_value, spine.bucket, coalesce(counted.value, 0) as value
    from spine
    cross join values_seen
    left join
        counted
        on spine.bucket = counted.bucket
        and values_seen.breakdown_value is not distinct from counted.breakdown_value
{%- endmacro %}

{% macro breakdown_values(relation, breakdown) -%}
    {%- if breakdown -%} select distinct breakdown_value from {{ relation }}
    {%- else -%} select cast(null as varchar) as breakdown_value
    {%- endif -%}
{%- endmacro %}

{#- (breakdown_value, bucket, value): distinct units with an event in the window that ends with the
    bucket. window: none for the bucket itself, week for 7 days (168 hours in hourly buckets), month for
    30 days. With buckets as long as the window or longer it is the bucket itself. Windows reach back
    before the range. Each unit adds 1 where its window opens and takes it away where it closes, so
    overlapping windows count once and events are read once. -#}
{% macro active_users(
    relation,
    range,
    interval,
    window=none,
    condition="true",
    unit="person_id",
    week_start="monday",
    breakdown=none
) -%}
    {%- set days = {"week": 7, "month": 30}.get(window, 1) -%}
    {%- set is_longer = window and days > {"hour": 0, "day": 1, "week": 7}.get(interval, days) -%}
    {#- What windows are measured in. Weeks have them in days: thirty are no whole weeks. -#}
    {%- set grain = "day" if is_longer and interval == "week" else interval -%}
    {%- set length = days * (24 if grain == "hour" else 1) if is_longer else 1 -%}
    {%- set shift = 1 if week_start == "sunday" else 0 -%}
    {%- set timezone = range.get("timezone", "UTC") -%}
    {%- set until = {"to": range["to"], "timezone": timezone} -%}
    {%- set parts = "unit" ~ (", breakdown_value" if breakdown) -%}
    {%- set over = over_in_order(parts, "bucket_number") -%}
    with
        spine as (
            select
                bucket,
                position
                + {{
                    bucket_number(
                        instant(range["from"], timezone), interval, timezone, week_start
                    )
                }} as bucket_number
            from ({{ bucket_spine(range, interval, week_start) }}) as buckets
        ),

        active as (
            {%- set columns = {"unit": unit} -%}
            {%- if breakdown -%}
                {%- do columns.update({"breakdown_value": breakdown}) -%}
            {%- endif -%}
            {{
                distinct_buckets(
                    relation,
                    columns,
                    bucket_number("occurred_at", grain, timezone, week_start),
                    "("
                    ~ condition
                    ~ ") and "
                    ~ unit
                    ~ " is not null and "
                    ~ in_range("occurred_at", range if length == 1 else until),
                )
            }}
        ),

        values_seen as ({{ breakdown_values("active", breakdown) }}),

        ordered as (select * from active {{ in_order(parts, "bucket_number") }}),

        spans as (
            select
                {{ "breakdown_value" if breakdown else "cast(null as varchar)" }}
                as breakdown_value,
                bucket_number as opens,
                case
                    when
                        lead(unit) {{ over }} = unit
                        {% if breakdown %}
                            and lead(breakdown_value) {{ over }}
                            is not distinct from breakdown_value
                        {% endif %}
                    then least(bucket_number + {{ length }}, lead(bucket_number) {{ over }})
                    else bucket_number + {{ length }}
                end as closes
            from ordered
        ),

        steps as (
            select
                breakdown_value,
                {{ week_of_day("opens", shift) if grain != interval else "opens" }}
                as bucket_number,
                1 as step
            from spans
            union all
            select
                breakdown_value,
                {% if grain == interval %} closes
                {% else %}
                    -- The range may end within a week, and its window with it.
                    case
                        when closes > {{ bucket_number(last_instant(range), grain, timezone) }}
                        then
                            1
                            +
                            {{ bucket_number(last_instant(range), interval, timezone, week_start) }}
                        else {{ week_of_day("closes", shift) }}
                    end
                {% endif %} as bucket_number,
                -1 as step
            from spans
            union all
            select values_seen.breakdown_value, spine.bucket_number, 0 as step
            from spine
            cross join values_seen
        ),

        running as (
            select
                breakdown_value,
                bucket_number,
                sum(sum(step)) over (partition by breakdown_value order by bucket_number) as value
            from steps
            group by breakdown_value, bucket_number
        )

    select running.breakdown_value, spine.bucket, cast(running.value as bigint) as value
    from spine
    inner join running on spine.bucket_number = running.bucket_number
{%- endmacro %}

{#- (breakdown_value, value): distinct units in the window that ends with the range: what a single
    number shows, which is not the uniques of the range. -#}
{% macro active_users_at_end(
    relation, range, window, condition="true", unit="person_id", breakdown=none
) -%}
    {%- set days = {"week": 7, "month": 30}[window] -%}
    {%- set timezone = range.get("timezone", "UTC") -%}
    {%- set last_day = bucket(last_instant(range), "day", timezone) -%}
    select
        {{ breakdown or "cast(null as varchar)" }} as breakdown_value,
        count(distinct {{ unit }}) as value
    from {{ relation }}
    where
        {{ condition }}
        and {{ in_range("occurred_at", {"to": range["to"], "timezone": timezone}) }}
        and {{ bucket("occurred_at", "day", timezone) }}
        > {{ later_bucket(last_day, -days, "day") }}
    {% if breakdown %} group by 1 {% endif %}
{%- endmacro %}

{#- (breakdown_value, value): distinct units of the whole range. -#}
{% macro active_users_in_range(
    relation, range, condition="true", unit="person_id", breakdown=none
) -%}
    {{ range_figure(relation, range, "count(distinct " ~ unit ~ ")", condition, breakdown) }}
{%- endmacro %}

{#- (breakdown_value, value): events of the whole range. -#}
{% macro event_count(relation, range, condition="true", breakdown=none) -%}
    {{ range_figure(relation, range, "count(*)", condition, breakdown) }}
{%- endmacro %}

{% macro range_figure(relation, range, figure, condition, breakdown) -%}
    select {{ breakdown or "cast(null as varchar)" }} as breakdown_value, {{ figure }} as value
    from {{ relation }}
    where {{ condition }} and {{ in_range("occurred_at", range) }}
    {% if breakdown %} group by 1 {% endif %}
{%- endmacro %}
