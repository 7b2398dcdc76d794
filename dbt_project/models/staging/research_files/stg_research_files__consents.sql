with source as (select * from {{ source("research_files", "consents") }})

select participant_id, purpose, is_given, {{ utc("recorded_at") }} as recorded_at
from source
