with source as (select * from {{ source("posthog", "events") }})

select
    distinct_id,
    {{ json_text("properties", ["$feature_flag"]) }} as flag,
    -- A flag without variants answers true or false.
    {{ json_text("properties", ["$feature_flag_response"]) }} as variant,
    uuid as event_id,
    {{ utc("timestamp") }} as occurred_at
from source
where event = '$feature_flag_called'
