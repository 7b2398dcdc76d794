with source as (select * from {{ source("surveymonkey", "choices") }})

select survey_id, question_id, choice_id, text as choice_text, position, weight
from source
