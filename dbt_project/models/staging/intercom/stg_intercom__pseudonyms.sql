with source as (select * from {{ source("intercom", "pseudonyms") }})

select id as raw_id, pseudonym
from source
