with
    source as (select * from {{ source("surveymonkey", "answers") }}),

    responses as (select * from {{ source("surveymonkey", "responses") }}),

    reads as (select * from {{ source("surveymonkey", "survey_reads") }}),

    -- Of a response that a load brought twice, the answers of its later version.
    standing as (
        select source.*, responses.first_name, responses.last_name
        from source
        inner join
            responses
            on source.survey_id = responses.survey_id
            and source.response_id = responses.id
            and source.version = responses.version
        left join reads on source.survey_id = reads.survey_id
        where responses.generation >= coalesce(reads.generation, 0)
    )

select
    survey_id,
    response_id,
    position,
    question_id,
    choice_id,
    row_id,
    {{ redacted_text("standing.text", ["standing.first_name", "standing.last_name"]) }} as text
from standing
