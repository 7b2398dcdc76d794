-- Questions in the order in which an answer without a question's id is numbered.
with
    source as (select * from {{ source("posthog", "surveys") }}),

    questions as ({{ json_items("source", "id", "definition", "questions") }})

select
    id as survey_id,
    cast(position as bigint) as position,
    coalesce({{ json_text("item", ["id"]) }}, cast(position as varchar)) as question_id,
    {{ json_text("item", ["type"]) }} as question_type,
    {{ json_text("item", ["question"]) }} as question,
    try_cast({{ json_text("item", ["scale"]) }} as integer) as scale
from questions
