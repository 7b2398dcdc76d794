with source as (select * from {{ source("research_files", "pseudonyms") }})

select id as raw_id, pseudonym
from source
