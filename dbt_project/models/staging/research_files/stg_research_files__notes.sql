with source as (select * from {{ source("research_files", "notes") }})

select
    note_id,
    study_id,
    participant_id,
    {{ redacted_text("text") }} as text,
    {{ utc("noted_at") }} as noted_at
from source
