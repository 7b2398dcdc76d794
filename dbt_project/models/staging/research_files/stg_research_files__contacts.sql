with source as (select * from {{ source("research_files", "contacts") }})

select contact_id, participant_id, study_id, channel, {{ utc("contacted_at") }} as contacted_at
from source
