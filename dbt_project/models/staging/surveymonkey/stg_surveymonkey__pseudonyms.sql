with source as (select * from {{ source("surveymonkey", "pseudonyms") }})

select id as raw_id, pseudonym
from source
