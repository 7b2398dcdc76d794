{#- Growth accounting: (bucket, status, value) with new, returning, resurrecting and dormant, the
    last as a negative number in the bucket after the one that was active. All history up to the end
    of the range decides who is new. first_seen: an expression for the unit's creation (UTC), the
    same in all its rows; then new is active in the bucket of creation, as PostHog counts.
    Source: PostHog `test_lifecycle_query_runner.py`. -#}
{% macro lifecycle(
    relation,
    range,
    interval,
    condition="true",
    unit="person_id",
    week_start="monday",
    first_seen=none
) -%}
    {%- set timezone = range.get("timezone", "UTC") -%}
    with
        spine as ({{ bucket_spine(range, interval, week_start) }}),

        active as (
            select
                {{ unit }} as unit,
                {{ bucket("occurred_at", interval, timezone, week_start) }} as bucket,
                {% if first_seen %}
                    {{ bucket("min(" ~ first_seen ~ ")", interval, timezone, week_start) }}
                {% else %} cast(null as timestamp)
                {% endif %} as seen_bucket
            from {{ relation }}
            where
                {{ condition }}
                and {{ unit }} is not null
                -- The last bucket is whole, wherever in it the range ends.
                and {{ bucket("occurred_at", interval, timezone, week_start) }}
                <= {{ bucket(last_instant(range), interval, timezone, week_start) }}
            group by 1, 2
        ),

        neighbours as (
            select
                *,
                lag(bucket) over (partition by unit order by bucket) as bucket_before,
                lead(bucket) over (partition by unit order by bucket) as bucket_after
            from active
        ),

        statuses as (
            select
                bucket,
                case
                    when
                        {% if first_seen %} bucket = seen_bucket
                        {% else %} bucket_before is null
                        {% endif %}
                    then 'new'
                    when {{ later_bucket("bucket_before", 1, interval) }} = bucket
                    then 'returning'
                    else 'resurrecting'
                end as status,
                1 as amount
            from neighbours
            union all
            select
                {{ later_bucket("bucket", 1, interval) }} as bucket,
                'dormant' as status,
                -1 as amount
            from neighbours
            where bucket_after is null or bucket_after > {{ later_bucket("bucket", 1, interval) }}
        ),

        kinds as (
            {% for status in ["new", "returning", "resurrecting", "dormant"] %}
                select '{{ status }}' as status
                {% if not loop.last %}
                    union all
                {% endif %}
            {% endfor %}
        )

    select spine.bucket, kinds.status, cast(coalesce(sum(statuses.amount), 0) as bigint) as value
    from spine
    cross join kinds
    left join statuses on spine.bucket = statuses.bucket and kinds.status = statuses.status
    group by spine.bucket, kinds.status
{%- endmacro %}
