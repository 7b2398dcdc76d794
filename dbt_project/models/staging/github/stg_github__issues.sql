with source as ({{ listed_by_github("issues") }})

select
    repository,
    id as issue_id,
    number as issue_number,
    {{ redacted_text("title") }} as title,
    state,
    labels,
    coalesce(is_incident, false) as is_incident,
    nullif(
        regexp_extract(lower(body), {{ regex("(^|[^0-9a-z])([0-9a-f]{12,40})($|[^0-9a-z])") }}, 2),
        ''
    ) as caused_by_commit,
    {{ utc("created_at") }} as created_at,
    {{ utc("updated_at") }} as updated_at,
    {{ utc("closed_at") }} as closed_at
from source
where not is_deleted
