with source as (select * from {{ source("posthog", "exports") }})

select
    run_id,
    model as model_name,
    {{ utc("interval_start") }} as interval_start,
    {{ utc("interval_end") }} as interval_end,
    row_count,
    {{ utc("exported_at") }} as exported_at
from source
