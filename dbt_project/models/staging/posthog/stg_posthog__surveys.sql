with source as (select * from {{ source("posthog", "surveys") }})

select id as survey_id, name as survey_name, {{ utc("created_at") }} as created_at
from source
