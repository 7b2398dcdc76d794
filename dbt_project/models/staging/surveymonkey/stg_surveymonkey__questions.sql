with source as (select * from {{ source("surveymonkey", "questions") }})

select survey_id, question_id, family, subtype, heading, position
from source
