with source as (select * from {{ source("research_files", "sessions") }})

select
    session_id,
    programme,
    round as round_number,
    participant_id,
    task,
    is_success,
    seconds as duration_seconds,
    {{ utc("held_at") }} as held_at
from source
