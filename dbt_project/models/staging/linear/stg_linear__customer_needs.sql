with source as ({{ still_in_linear("customer_needs") }})

select
    id as need_id,
    customer as customer_id,
    issue as issue_id,
    project as project_id,
    {{ redacted_text("body") }} as body,
    coalesce(priority, 0) > 0 as is_important,
    archived_at is not null as is_archived,
    {{ utc("created_at") }} as created_at,
    {{ utc("updated_at") }} as updated_at
from source
