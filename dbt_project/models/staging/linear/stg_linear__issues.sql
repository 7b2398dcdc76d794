with source as ({{ still_in_linear("issues") }})

select
    id as issue_id,
    identifier as issue_key,
    {{ redacted_text("title") }} as title,
    team as team_id,
    project as project_id,
    state as state_id,
    nullif(priority, 0) as priority,
    try_cast(estimate as {{ type_double() }}) as estimate_points,
    archived_at is not null as is_archived,
    coalesce(trashed, false) as is_trashed,
    {{ utc("created_at") }} as created_at,
    {{ utc("started_at") }} as started_at,
    {{ utc("completed_at") }} as completed_at,
    {{ utc("canceled_at") }} as canceled_at,
    {{ utc("updated_at") }} as updated_at
from source
