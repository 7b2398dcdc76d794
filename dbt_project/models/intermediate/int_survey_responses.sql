-- Responses of the survey tools in one shape, with what leads to their person and whether they were
-- finished: who left early, came after the quota or should not have been asked is in no score.
select
    'typeform' as source,
    responses.form_id,
    forms.form_title,
    responses.token,
    pseudonyms.pseudonym as public_token,
    responses.hidden_user_id as user_id,
    'hidden_user_id' as user_rule,
    responses.hidden_email as email,
    responses.submitted_at,
    true as is_complete
from {{ ref("stg_typeform__responses") }} as responses
left join {{ ref("stg_typeform__forms") }} as forms on responses.form_id = forms.form_id
left join
    {{ ref("stg_typeform__pseudonyms") }} as pseudonyms
    on pseudonyms.raw_id = responses.form_id || ':' || responses.token
union all
select
    'surveymonkey' as source,
    responses.survey_id as form_id,
    surveys.survey_title as form_title,
    responses.response_id as token,
    pseudonyms.pseudonym as public_token,
    responses.user_id,
    'custom_variable' as user_rule,
    responses.email,
    responses.submitted_at,
    responses.status = 'completed' as is_complete
from {{ ref("stg_surveymonkey__responses") }} as responses
left join
    {{ ref("stg_surveymonkey__surveys") }} as surveys on responses.survey_id = surveys.survey_id
left join
    {{ ref("stg_surveymonkey__pseudonyms") }} as pseudonyms
    on pseudonyms.raw_id = responses.survey_id || ':' || responses.response_id
