with
    source as (select * from {{ source("posthog", "persons") }}),

    pseudonyms as (select * from {{ source("posthog", "pseudonyms") }})

-- From here on a person is known by pseudonym only.
select
    source.distinct_id,
    pseudonyms.pseudonym as person_id,
    source.person_distinct_id_version,
    source.person_version,
    coalesce(source.is_deleted, false) as is_deleted,
    {{ clean_email(json_text("source.properties", ["email"])) }} as email,
    lower({{ json_text("source.properties", ["$initial_utm_source"]) }}) as initial_utm_source,
    lower({{ json_text("source.properties", ["$initial_utm_medium"]) }}) as initial_utm_medium,
    lower(
        {{ json_text("source.properties", ["$initial_referring_domain"]) }}
    ) as initial_referring_domain,
    {{ utc("source.created_at") }} as created_at,
    {{ utc("source._inserted_at") }} as arrived_at
from source
left join pseudonyms on source.person_id = pseudonyms.id
