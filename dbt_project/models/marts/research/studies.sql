-- One row per study of research with how many people were asked for it.
with
    contacts as (
        select
            study_id,
            count(*) as request_count,
            count(distinct participant_id) as asked_count,
            max(contacted_at) as last_asked_at
        from {{ ref("stg_research_files__contacts") }}
        group by study_id
    )

select
    studies.study_id,
    studies.study_name,
    studies.method,
    studies.started_at,
    coalesce(contacts.request_count, 0) as request_count,
    coalesce(contacts.asked_count, 0) as asked_count,
    contacts.last_asked_at
from {{ ref("stg_research_files__studies") }} as studies
left join contacts on studies.study_id = contacts.study_id
