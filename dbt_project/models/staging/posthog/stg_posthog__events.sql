with source as (select * from {{ source("posthog", "events") }})

select
    uuid as event_id,
    event as event_name,
    distinct_id,
    properties,
    {{ utc("timestamp") }} as occurred_at,
    cast({{ utc("timestamp") }} as date) as event_date,
    {{ utc("_inserted_at") }} as arrived_at
from source
