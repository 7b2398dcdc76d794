-- Answers to open questions of surveys, redacted. Of Typeform's forms the long texts and of
-- SurveyMonkey's surveys the essays: a short one is as often a name or a company.
with
    answers as (
        select 'typeform' as source, form_id, token, position, {{ redacted_text("value") }} as text
        from {{ ref("stg_typeform__answers") }}
        where answer_type = 'text' and field_type = 'long_text'
        union all
        select
            'surveymonkey' as source,
            answers.survey_id as form_id,
            answers.response_id as token,
            answers.position,
            answers.text
        from {{ ref("stg_surveymonkey__answers") }} as answers
        inner join
            {{ ref("stg_surveymonkey__questions") }} as questions
            on answers.survey_id = questions.survey_id
            and answers.question_id = questions.question_id
        where
            questions.family = 'open_ended'
            and questions.subtype = 'essay'
            and answers.text is not null
    )

select
    answers.source,
    answers.form_id
    || ':'
    || responses.public_token
    || ':'
    || cast(answers.position as {{ dbt.type_string() }}) as vendor_id,
    responses.submitted_at as occurred_at,
    respondents.person_id,
    respondents.account_id,
    respondents.is_internal,
    answers.text
from answers
inner join
    {{ ref("int_survey_responses") }} as responses
    on answers.source = responses.source
    and answers.form_id = responses.form_id
    and answers.token = responses.token
inner join
    {{ ref("int_respondents") }} as respondents
    on answers.source = respondents.source
    and answers.form_id = respondents.form_id
    and answers.token = respondents.token
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
