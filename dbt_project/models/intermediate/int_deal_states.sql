-- What a deal was at the end of each day on which it changed: (deal, property, from this date).
{{ config(materialized="view") }}
with
    history as (
        select
            *,
            cast(changed_at as date) as valid_from,
            row_number() over (
                partition by deal_id, property_name, cast(changed_at as date)
                order by changed_at desc, value
            ) as recency
        from {{ ref("stg_hubspot__deal_property_history") }}
    )

select
    deal_id,
    property_name,
    value,
    valid_from,
    lead(valid_from) over (partition by deal_id, property_name order by valid_from) as valid_until
from history
where recency = 1
