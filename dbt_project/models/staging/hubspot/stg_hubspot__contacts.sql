with source as (select * from {{ source("hubspot", "contacts") }})

select
    id as contact_id,
    {{ clean_email(json_text("properties", ["email"])) }} as email,
    {{ clean_email(json_text("properties", ["hs_additional_emails"])) }} as additional_emails,
    {{ json_text("properties", ["firstname"]) }} as first_name,
    {{ json_text("properties", ["lastname"]) }} as last_name,
    {{ json_text("properties", ["lifecyclestage"]) }} as lifecycle_stage,
    {{ json_text("properties", ["hs_merged_object_ids"]) }} as merged_contact_ids,
    {{ utc_from_text(json_text("properties", ["notes_last_contacted"])) }} as last_contacted_at,
    coalesce(archived, false) as is_archived,
    {{ utc("created_at") }} as created_at,
    {{ utc("updated_at") }} as updated_at
from source
