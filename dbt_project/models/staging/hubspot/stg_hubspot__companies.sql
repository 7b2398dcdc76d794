with source as (select * from {{ source("hubspot", "companies") }})

select
    id as company_id,
    {{ json_text("properties", ["name"]) }} as company_name,
    {{ clean_domain(json_text("properties", ["domain"])) }} as domain,
    {{ json_text("properties", ["industry"]) }} as industry,
    try_cast({{ json_text("properties", ["numberofemployees"]) }} as bigint) as employee_count,
    {{ json_text("properties", ["hs_merged_object_ids"]) }} as merged_company_ids,
    coalesce(archived, false) as is_archived,
    {{ utc("created_at") }} as created_at,
    {{ utc("updated_at") }} as updated_at
from source
