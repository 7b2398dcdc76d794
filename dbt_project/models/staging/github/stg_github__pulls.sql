with source as ({{ listed_by_github("pulls") }})

select
    repository,
    id as pull_id,
    number as pull_number,
    {{ redacted_text("title") }} as title,
    state,
    coalesce(is_draft, false) as is_draft,
    base_ref,
    head_ref,
    -- Of a pull that is not merged it is a merge that GitHub only tried.
    case when merged_at is not null then merge_commit_sha end as merge_commit_sha,
    labels,
    {{ utc("created_at") }} as created_at,
    {{ utc("updated_at") }} as updated_at,
    {{ utc("merged_at") }} as merged_at,
    {{ utc("closed_at") }} as closed_at
from source
where not is_deleted
