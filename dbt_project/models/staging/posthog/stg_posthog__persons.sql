with source as (select * from {{ source("posthog", "persons") }})

select
    distinct_id,
    person_id,
    person_distinct_id_version,
    person_version,
    coalesce(is_deleted, false) as is_deleted,
    {{ clean_email(json_text("properties", ["email"])) }} as email,
    lower({{ json_text("properties", ["$initial_utm_source"]) }}) as initial_utm_source,
    lower({{ json_text("properties", ["$initial_utm_medium"]) }}) as initial_utm_medium,
    lower({{ json_text("properties", ["$initial_referring_domain"]) }}) as initial_referring_domain,
    {{ utc("created_at") }} as created_at,
    {{ utc("_inserted_at") }} as arrived_at
from source
