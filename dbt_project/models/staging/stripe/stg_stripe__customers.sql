with source as (select * from {{ source("stripe", "customers") }})

select
    id as customer_id,
    {{ clean_email("email") }} as email,
    {{ email_domain("email") }} as email_domain,
    {{ json_text("metadata", [var("stripe_account_key")]) }} as account_key,
    {{ json_text("metadata", [var("stripe_crm_company_key")]) }} as crm_company_id,
    {{ clean_domain(json_text("metadata", [var("stripe_domain_key")])) }} as domain,
    coalesce(is_deleted, false) as is_deleted,
    {{ utc("created") }} as created_at
from source
