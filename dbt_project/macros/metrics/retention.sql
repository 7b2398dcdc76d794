{#- Who came back: (breakdown_value, cohort, cohort_offset, value). Column 0 is the cohort's size;
    cells after the range are not there.

    start_condition, return_condition: which events open a cohort and which are a return.
    type: recurring (in every bucket with a start), first_time (only in that of the first start ever),
    first_ever (the same if the unit's first event of `first_of` is that start, else in none) or
    unbounded (returned then or later; recurring cohorts).
    first_of: which events first_ever looks among: those of the start without its filters. order_by
    tells its simultaneous ones apart; columns are named there without their relation.
    columns: how many offsets, 0 included. brackets: lists of [first, last] offsets counted together
    instead of single ones. minimum: returns in a bucket that count as one.
    breakdown: an expression of the start event. Source: PostHog `test_retention_query_runner.py`. -#}
{% macro retention(
    relation,
    range,
    interval,
    columns,
    start_condition="true",
    return_condition="true",
    type="recurring",
    minimum=1,
    breakdown=none,
    unit="person_id",
    week_start="monday",
    brackets=none,
    first_of="true",
    order_by="event_id"
) -%}
    {%- if type == "first_ever" -%}
        {%- set among = "(case when " ~ first_of ~ " then 1 else 0 end)" -%}
        {%- set relation -%}
            (
                select
                    *,
                    {{ among }} * row_number() over (
                        partition by {{ unit }} order by {{ among }} desc, occurred_at, {{ order_by }}
                    ) as first_place
                from {{ relation }}
            ) as placed
        {%- endset -%}
        {%- set start_condition = "first_place = 1 and (" ~ start_condition ~ ")" -%}
    {%- endif -%}
    {%- set timezone = range.get("timezone", "UTC") -%}
    with
        spine as ({{ bucket_spine(range, interval, week_start) }}),

        numbers as (
            {% if brackets %}
                {% for first, last in brackets %}
                    select
                        {{ loop.index0 }} as position,
                        {{ first }} as first_offset,
                        {{ last }} as last_offset
                    {% if not loop.last %}
                        union all
                    {% endif %}
                {% endfor %}
            {% else %}
                select position, position as first_offset, position as last_offset
                from spine
                where position < {{ columns }}
            {% endif %}
        ),

        -- No cell lies beyond the range.
        places as (
            select
                spine.bucket as cohort,
                spine.position,
                numbers.position as cohort_offset,
                numbers.first_offset,
                numbers.last_offset
            from spine
            inner join
                numbers on spine.position + numbers.last_offset <= (select max(position) from spine)
        ),

        {%- if breakdown is none and minimum == 1 and bucket_count_at_most(
            range, interval
        ) <= 56 -%}
            {{
                retention_in_bits(
                    relation,
                    range,
                    interval,
                    start_condition,
                    return_condition,
                    type,
                    unit,
                    week_start,
                )
            }}
        {%- else -%}
            {{
                retention_in_rows(
                    relation,
                    interval,
                    timezone,
                    start_condition,
                    return_condition,
                    type,
                    minimum,
                    breakdown,
                    unit,
                    week_start,
                    brackets,
                )
            }}
        {%- endif -%}
{%- endmacro %}

{#- Cells of `places` from the buckets of units, a row each. -#}
{% macro retention_in_rows(
    relation,
    interval,
    timezone,
    start_condition,
    return_condition,
    type,
    minimum,
    breakdown,
    unit,
    week_start,
    brackets
) %}
    {% if breakdown %}
        events as (
            select
                {{ unit }} as unit,
                {{ bucket("occurred_at", interval, timezone, week_start) }} as bucket,
                {{ breakdown }} as breakdown_value,
                occurred_at,
                {{ start_condition }} as is_start,
                {{ return_condition }} as is_return
            from {{ relation }}
            where {{ unit }} is not null
        ),

        activity as (
            select unit, bucket, sum(case when is_return then 1 else 0 end) as return_count
            from events
            group by unit, bucket
        ),

        starts as (
            {% if type == "first_time" %}
                select unit, bucket, breakdown_value
                from
                    (
                        select
                            *,
                            row_number() over (
                                partition by unit order by occurred_at, breakdown_value
                            ) as attempt
                        from events
                        where is_start
                    ) as attempts
                where attempt = 1
            {% else %}select distinct unit, bucket, breakdown_value from events where is_start
            {% endif %}
        ),
    {% else %}
        activity as (
            select
                {{ unit }} as unit,
                {{ bucket("occurred_at", interval, timezone, week_start) }} as bucket,
                max(case when {{ start_condition }} then 1 else 0 end) as has_start,
                sum(case when {{ return_condition }} then 1 else 0 end) as return_count
            from {{ relation }}
            where {{ unit }} is not null
            group by 1, 2
        ),

        starts as (
            select
                unit,
                {{ "min(bucket)" if type == "first_time" else "bucket" }} as bucket,
                cast(null as varchar) as breakdown_value
            from activity
            where has_start = 1
            {% if type == "first_time" %} group by unit
            {% endif %}
        ),
    {% endif %}

    cohorts as (
        select starts.unit, starts.breakdown_value, spine.bucket as cohort, spine.position
        from starts
        inner join spine on starts.bucket = spine.bucket
    ),

    returns as (
        select activity.unit, spine.position
        from activity
        inner join spine on activity.bucket = spine.bucket
        where activity.return_count >= {{ minimum }}
    ),

    {% if type == "unbounded" %}
        last_returns as (select unit, max(position) as position from returns group by unit),
    {% endif %}

    returned as (
        select
            cohorts.breakdown_value,
            cohorts.position,
            numbers.position as cohort_offset,
            {#- Who returned twice in a bracket counts once; a single offset has each unit once. -#}
            {{ "count(distinct cohorts.unit)" if brackets else "count(*)" }} as value
        from cohorts
        {% if type == "unbounded" %}
            inner join last_returns as returns on cohorts.unit = returns.unit
            inner join numbers on numbers.first_offset <= returns.position - cohorts.position
        {% else %}
            inner join returns on cohorts.unit = returns.unit
            inner join
                numbers on returns.position - cohorts.position
                {% if brackets %} between numbers.first_offset and numbers.last_offset
                {% else %} = numbers.position
                {% endif %}
        {% endif %}
        where numbers.position > 0
        group by 1, 2, 3
    ),

    sizes as (
        select breakdown_value, position, count(*) as value
        from cohorts
        group by breakdown_value, position
    ),

    cells as (
        select values_seen.breakdown_value, places.cohort, places.position, places.cohort_offset
        from places
        cross join
            (
                {% if breakdown %}select distinct breakdown_value from cohorts
                {% else %}select cast(null as varchar) as breakdown_value
                {% endif %}
            ) as values_seen
    )

    select
        cells.breakdown_value,
        cells.cohort,
        cells.cohort_offset,
        coalesce(
            case when cells.cohort_offset = 0 then sizes.value else returned.value end, 0
        ) as value
    from cells
    left join
        sizes
        on cells.position = sizes.position
        and cells.breakdown_value is not distinct from sizes.breakdown_value
    left join
        returned
        on cells.position = returned.position
        and cells.cohort_offset = returned.cohort_offset
        and cells.breakdown_value is not distinct from returned.breakdown_value
{%- endmacro %}

{#- Cells of `places` from the buckets of units, which are the bits of a number where 56 are enough.
    Many units have the same few numbers: what these say of a cohort is worked out once for all. -#}
{% macro retention_in_bits(
    relation,
    range,
    interval,
    start_condition,
    return_condition,
    type,
    unit,
    week_start
) -%}
    {%- set timezone = range.get("timezone", "UTC") -%}
    {%- set number = bucket_number("occurred_at", interval, timezone, week_start) -%}
    {%- set from = instant(range["from"], timezone) -%}
    {%- set to = last_instant(range) -%}
    {%- set first = bucket_number(from, interval, timezone, week_start) -%}
    {%- set last = bucket_number(to, interval, timezone, week_start) -%}
    {%- set first_bucket = bucket(from, interval, timezone, week_start) -%}
    {%- set last_bucket = bucket(to, interval, timezone, week_start) -%}
    {%- set is_return = "is_start" if return_condition == start_condition else "is_return" -%}
    {%- set here = bit("greatest(place + 2, 0)" if type == "first_time" else "place + 2") -%}
    {%- set in_places = "(" ~ bit(last ~ " - " ~ first ~ " + 1") ~ " - 1)" -%}
    -- A day wider than the range in any zone: at most two places before it and two after, which the
    -- units lose again (starts there would count nowhere, but make more patterns). All of the
    -- past tells what is somebody's first time.
    placed as (
        select
            {{ unit }} as unit,
            {{ number }} - {{ first }} as place,
            {{ start_condition }} as is_start
            {% if is_return != "is_start" %}, {{ return_condition }} as is_return {% endif %}
        from {{ relation }}
        where
            {{ unit }} is not null
            and occurred_at < {{ later_bucket(last_bucket, 1, interval) }} + interval '1 day'
            {% if type != "first_time" %}
                and occurred_at >= {{ first_bucket }} - interval '1 day'
            {% endif %}
    ),

    units as (
        select
            unit,
            {% if type == "first_time" %}
                case
                    when
                        min(case when is_start then place end)
                        between 0 and {{ last }} - {{ first }}
                    then {{ bit("min(case when is_start then place end)") }}
                    else 0
                end as starts,
            {% else %}
                {{ bits_from("bit_or(case when is_start then " ~ here ~ " else 0 end)", 2) }}
                & {{ in_places }} as starts,
            {% endif %}
            {{ bits_from("bit_or(case when " ~ is_return ~ " then " ~ here ~ " else 0 end)", 2) }}
            & {{ in_places }} as returns
        from placed
        group by unit
    ),

    patterns as (select starts, returns, count(*) as value from units group by starts, returns),

    cohorts as (
        select
            spine.position,
            {{ bits_from("patterns.returns", "spine.position") }} as returns,
            sum(patterns.value) as value
        from spine
        inner join patterns on {{ bits_from("patterns.starts", "spine.position") }} & 1 = 1
        group by 1, 2
    )

    select
        cast(null as varchar) as breakdown_value,
        places.cohort,
        places.cohort_offset,
        cast(coalesce(sum(cohorts.value), 0) as bigint) as value
    from places
    left join
        cohorts
        on places.position = cohorts.position
        and (
            places.cohort_offset = 0 or {{ bits_from("cohorts.returns", "places.first_offset") }}
            {% if type != "unbounded" %}
                & ({{ bit("places.last_offset - places.first_offset + 1") }} - 1)
            {% endif %}
            <> 0
        )
    group by places.cohort, places.cohort_offset
{%- endmacro %}

{#- (cohort_offset, value): units with a return that many whole 24-hour days after one of their
    starts. round_to_hour: times are rounded down to the hour first, as Amplitude does. -#}
{% macro retention_rolling_days(
    relation,
    start_condition="true",
    return_condition="true",
    round_to_hour=true,
    unit="person_id"
) -%}
    {%- set at = "date_trunc('hour', occurred_at)" if round_to_hour else "occurred_at" -%}
    with
        starts as (
            select distinct {{ unit }} as unit, {{ at }} as at
            from {{ relation }}
            where {{ start_condition }} and {{ unit }} is not null
        ),

        returns as (
            select distinct {{ unit }} as unit, {{ at }} as at
            from {{ relation }}
            where {{ return_condition }} and {{ unit }} is not null
        )

    select
        cast(
            floor({{ seconds_between("starts.at", "returns.at") }} / 86400) as bigint
        ) as cohort_offset,
        count(distinct starts.unit) as value
    from starts
    inner join returns on starts.unit = returns.unit and returns.at >= starts.at
    group by 1
{%- endmacro %}
