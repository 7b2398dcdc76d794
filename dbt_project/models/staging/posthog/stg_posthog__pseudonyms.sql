with source as (select * from {{ source("posthog", "pseudonyms") }})

select id as raw_id, pseudonym
from source
