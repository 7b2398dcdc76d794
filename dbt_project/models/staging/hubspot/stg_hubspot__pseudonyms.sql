with source as (select * from {{ source("hubspot", "pseudonyms") }})

select id as raw_id, pseudonym
from source
