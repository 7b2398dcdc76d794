with source as (select * from {{ source("research_files", "participants") }})

select
    participant_id,
    user_id,
    {{ clean_email("email") }} as email,
    {{ email_domain("email") }} as email_domain,
    {{ utc("joined_at") }} as joined_at
from source
