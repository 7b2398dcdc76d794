with source as (select * from {{ source("typeform", "pseudonyms") }})

select id as raw_id, pseudonym
from source
