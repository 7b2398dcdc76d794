with source as (select * from {{ source("hubspot", "owners") }})

select id as owner_id, {{ clean_email("email") }} as email, coalesce(archived, false) as is_archived
from source
