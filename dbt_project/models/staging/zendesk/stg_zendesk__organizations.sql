with source as (select * from {{ source("zendesk", "organizations") }})

select
    id as organization_id,
    name as organization_name,
    nullif(external_id, '') as account_key,
    -- A company may have several; the first is the one that was typed first.
    {{ clean_domain("split_part(domain_names, ';', 1)") }} as domain,
    deleted_at is not null as is_deleted,
    {{ utc("created_at") }} as created_at
from source
