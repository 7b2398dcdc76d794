with source as (select * from {{ source("zendesk", "pseudonyms") }})

select id as raw_id, pseudonym
from source
