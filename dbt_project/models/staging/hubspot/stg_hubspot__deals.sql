with source as (select * from {{ source("hubspot", "deals") }})

select
    id as deal_id,
    {{ json_text("properties", ["dealname"]) }} as deal_name,
    -- HubSpot's first pipeline is called so; deals imported without one belong to it.
    coalesce({{ json_text("properties", ["pipeline"]) }}, 'default') as pipeline_id,
    {{ json_text("properties", ["dealstage"]) }} as stage_id,
    {{ json_text("properties", ["hubspot_owner_id"]) }} as owner_id,
    {{ json_text("properties", ["amount"]) }} as amount_text,
    try_cast({{ json_text("properties", ["amount"]) }} as decimal(18, 2)) as amount_usd,
    {{ json_text("properties", ["closedate"]) }} as close_date_text,
    {{ utc_from_text(json_text("properties", ["closedate"])) }} as close_date_at,
    {{ redacted_text(json_text("properties", ["closed_lost_reason"])) }} as closed_lost_reason,
    {{ json_text("properties", ["hs_merged_object_ids"]) }} as merged_deal_ids,
    coalesce(archived, false) as is_archived,
    {{ utc("created_at") }} as created_at,
    {{ utc("updated_at") }} as updated_at
from source
