-- What an earlier reading of the whole survey brought and the last complete one did not was
-- deleted.
with
    source as (select * from {{ source("surveymonkey", "responses") }}),

    reads as (select * from {{ source("surveymonkey", "survey_reads") }})

select
    source.survey_id,
    source.id as response_id,
    source.status,
    source.user_id,
    {{ clean_email("source.email") }} as email,
    {{ utc("source.created_at") }} as submitted_at,
    {{ utc("source.modified_at") }} as updated_at
from source
left join reads on source.survey_id = reads.survey_id
where source.generation >= coalesce(reads.generation, 0)
