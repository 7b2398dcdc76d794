with
    source as (select * from {{ source("zendesk", "users") }}),

    pseudonyms as (select * from {{ source("zendesk", "pseudonyms") }})

select
    source.id as user_id,
    pseudonyms.pseudonym,
    source.external_id as product_user_id,
    {{ clean_email("source.email") }} as email,
    {{ email_domain("source.email") }} as email_domain,
    source.role,
    source.role in ('agent', 'admin') as is_agent,
    source.organization_id,
    not coalesce(source.active, true) as is_deleted,
    {{ utc("source.created_at") }} as created_at
from source
left join pseudonyms on source.id = pseudonyms.id
