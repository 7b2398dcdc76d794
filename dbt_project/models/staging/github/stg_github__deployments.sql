with source as ({{ listed_by_github("deployments") }})

select
    repository,
    id as deployment_id,
    sha as commit_sha,
    ref,
    environment,
    task,
    {{ utc("created_at") }} as created_at,
    {{ utc("updated_at") }} as updated_at
from source
where not is_deleted
