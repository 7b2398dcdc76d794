with source as (select * from {{ source("research_files", "studies") }})

select study_id, name as study_name, method, {{ utc("started_at") }} as started_at
from source
