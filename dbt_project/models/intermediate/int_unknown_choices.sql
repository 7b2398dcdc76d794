-- Answers in SurveyMonkey that name a choice which no question has: nobody can say what they mean.
select
    'surveymonkey' as source,
    'answers' as table_name,
    answers.survey_id || ':' || pseudonyms.pseudonym || ':' || answers.question_id as row_key,
    'choice_id' as column_name,
    'names a choice that is not there' as reason,
    'answer not counted' as consequence
from {{ ref("stg_surveymonkey__answers") }} as answers
left join
    {{ ref("stg_surveymonkey__choices") }} as choices
    on answers.survey_id = choices.survey_id
    and answers.question_id = choices.question_id
    and answers.choice_id = choices.choice_id
left join
    {{ ref("stg_surveymonkey__pseudonyms") }} as pseudonyms
    on pseudonyms.raw_id = answers.survey_id || ':' || answers.response_id
where answers.choice_id is not null and choices.choice_id is null
