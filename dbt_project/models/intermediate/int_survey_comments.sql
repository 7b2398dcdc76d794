-- Answers to open questions of surveys, redacted. Of Typeform's forms the long texts and of
-- SurveyMonkey's surveys the essays: a short one is as often a name or a company.
select
    'typeform' as source,
    answers.form_id
    || ':'
    || pseudonyms.pseudonym
    || ':'
    || cast(answers.position as {{ dbt.type_string() }}) as vendor_id,
    responses.submitted_at as occurred_at,
    respondents.person_id,
    respondents.account_id,
    respondents.is_internal,
    {{ redacted_text("answers.value") }} as text
from {{ ref("stg_typeform__answers") }} as answers
inner join
    {{ ref("stg_typeform__responses") }} as responses
    on answers.form_id = responses.form_id
    and answers.token = responses.token
inner join
    {{ ref("int_respondents") }} as respondents
    on respondents.source = 'typeform'
    and answers.form_id = respondents.form_id
    and answers.token = respondents.token
inner join
    {{ ref("stg_typeform__pseudonyms") }} as pseudonyms
    on pseudonyms.raw_id = answers.form_id || ':' || answers.token
where answers.answer_type = 'text' and answers.field_type = 'long_text'
union all
select
    'surveymonkey' as source,
    answers.survey_id
    || ':'
    || pseudonyms.pseudonym
    || ':'
    || cast(answers.position as {{ dbt.type_string() }}) as vendor_id,
    responses.submitted_at as occurred_at,
    respondents.person_id,
    respondents.account_id,
    respondents.is_internal,
    answers.text
from {{ ref("stg_surveymonkey__answers") }} as answers
inner join
    {{ ref("stg_surveymonkey__questions") }} as questions
    on answers.survey_id = questions.survey_id
    and answers.question_id = questions.question_id
inner join
    {{ ref("stg_surveymonkey__responses") }} as responses
    on answers.survey_id = responses.survey_id
    and answers.response_id = responses.response_id
inner join
    {{ ref("int_respondents") }} as respondents
    on respondents.source = 'surveymonkey'
    and answers.survey_id = respondents.form_id
    and answers.response_id = respondents.token
inner join
    {{ ref("stg_surveymonkey__pseudonyms") }} as pseudonyms
    on pseudonyms.raw_id = answers.survey_id || ':' || answers.response_id
where questions.family = 'open_ended' and questions.subtype = 'essay' and answers.text is not null
union all
select
    'posthog' as source,
    md5(survey_id || ' ' || submission_id) || ':' || question_id as vendor_id,
    submitted_at as occurred_at,
    person_id,
    account_id,
    is_internal,
    {{ redacted_text("value") }} as text
from {{ ref("int_product_survey_answers") }}
where question_type = 'open'
