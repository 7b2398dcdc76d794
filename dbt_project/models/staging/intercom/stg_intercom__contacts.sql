with
    source as (select * from {{ source("intercom", "contacts") }}),

    pseudonyms as (select * from {{ source("intercom", "pseudonyms") }})

select
    source.id as contact_id,
    pseudonyms.pseudonym,
    source.external_id as product_user_id,
    {{ clean_email("source.email") }} as email,
    {{ email_domain("source.email") }} as email_domain,
    source.role,
    source.company_id,
    {{ utc("source.created_at") }} as created_at
from source
left join pseudonyms on source.id = pseudonyms.id
