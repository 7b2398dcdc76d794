with source as ({{ still_in_linear("projects") }})

select
    id as project_id,
    name as project_name,
    state as project_state,
    nullif(priority, 0) as priority,
    try_cast(target_date as date) as target_date,
    archived_at is not null as is_archived,
    coalesce(trashed, false) as is_trashed,
    {{ utc("created_at") }} as created_at,
    {{ utc("started_at") }} as started_at,
    {{ utc("completed_at") }} as completed_at,
    {{ utc("canceled_at") }} as canceled_at,
    {{ utc("updated_at") }} as updated_at
from source
