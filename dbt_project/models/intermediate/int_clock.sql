-- "Now" is what the vendors' own clocks said when they were last asked, never the machine's:
-- the same raw rows then always give the same marts.
with
    clocks as (
        select counted_at as told_at
        from {{ ref("stg_posthog__source_counts") }}
        union all
        select exported_at as told_at
        from {{ ref("stg_posthog__exports") }}
        union all
        select counted_at as told_at
        from {{ ref("stg_hubspot__source_counts") }}
        union all
        select counted_at as told_at
        from {{ ref("stg_typeform__source_counts") }}
        union all
        select counted_at as told_at
        from {{ ref("stg_stripe__source_counts") }}
        union all
        select counted_at as told_at
        from {{ ref("stg_zendesk__source_counts") }}
        union all
        select counted_at as told_at
        from {{ ref("stg_intercom__source_counts") }}
        union all
        select counted_at as told_at
        from {{ ref("stg_linear__source_counts") }}
    )

select
    max(told_at) as as_of,
    -- The last day that is over: a running day would show half a number.
    {{ date_plus_days("cast(max(told_at) as date)", -1) }} as last_complete_date
from clocks
