with source as (select * from {{ source("surveymonkey", "surveys") }})

select id as survey_id, title as survey_title, {{ utc("modified_at") }} as updated_at
from source
