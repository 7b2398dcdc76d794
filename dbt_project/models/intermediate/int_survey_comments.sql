-- Answers to open questions of surveys, redacted. Of Typeform's forms the long texts: a short one
-- is
-- as often a name or a company.
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
    on answers.form_id = respondents.form_id
    and answers.token = respondents.token
inner join
    {{ ref("stg_typeform__pseudonyms") }} as pseudonyms
    on pseudonyms.raw_id = answers.form_id || ':' || answers.token
where answers.answer_type = 'text' and answers.field_type = 'long_text'
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
