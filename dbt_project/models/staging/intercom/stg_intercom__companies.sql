with source as (select * from {{ source("intercom", "companies") }})

select
    id as company_id,
    name as company_name,
    nullif(company_id, '') as account_key,
    {{ clean_domain("website") }} as domain,
    {{ utc("created_at") }} as created_at
from source
