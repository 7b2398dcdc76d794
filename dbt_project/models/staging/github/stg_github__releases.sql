with source as ({{ listed_by_github("releases") }})

select
    repository,
    id as release_id,
    tag_name,
    name,
    coalesce(is_draft, false) as is_draft,
    coalesce(is_prerelease, false) as is_prerelease,
    {{ utc("created_at") }} as created_at,
    {{ utc("published_at") }} as published_at,
    is_deleted
from source
