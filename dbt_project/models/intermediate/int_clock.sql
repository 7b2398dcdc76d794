-- "Now" is what the vendors' own clocks said when they were last asked, never the machine's:
-- the same raw rows then always give the same marts.
with
    clocks as (
        select exported_at as told_at
        from {{ ref("stg_posthog__exports") }}
        {% for source in [
                "posthog",
                "hubspot",
                "typeform",
                "surveymonkey",
                "stripe",
                "zendesk",
                "intercom",
                "linear",
                "github",
            ] %}
            union all
            select counted_at as told_at
            from {{ ref("stg_" ~ source ~ "__source_counts") }}
        {% endfor %}
    )

select
    max(told_at) as as_of,
    -- The last day that is over: a running day would show half a number.
    {{ date_plus_days("cast(max(told_at) as date)", -1) }} as last_complete_date
from clocks
