-- Scored answers of every survey tool, in one shape.
with
    forms as (
        select
            scores.source,
            scores.form_id,
            responses.form_title,
            scores.token,
            responses.public_token,
            scores.field_ref,
            scores.metric,
            scores.score,
            scores.is_valid,
            responses.is_complete,
            respondents.person_id,
            respondents.account_id,
            respondents.respondent_key,
            respondents.is_internal,
            responses.submitted_at
        from {{ ref("int_survey_scores") }} as scores
        inner join
            {{ ref("int_survey_responses") }} as responses
            on scores.source = responses.source
            and scores.form_id = responses.form_id
            and scores.token = responses.token
        inner join
            {{ ref("int_respondents") }} as respondents
            on scores.source = respondents.source
            and scores.form_id = respondents.form_id
            and scores.token = respondents.token
    ),

    product as (
        select
            'posthog' as source,
            answers.survey_id as form_id,
            surveys.survey_name as form_title,
            answers.submission_id as token,
            md5(answers.survey_id || ' ' || answers.submission_id) as public_token,
            answers.question_id as field_ref,
            scales.metric,
            try_cast(answers.value as {{ type_double() }}) as score,
            coalesce(
                try_cast(answers.value as {{ type_double() }})
                between scales.lowest and scales.highest
                and floor(try_cast(answers.value as {{ type_double() }}))
                = try_cast(answers.value as {{ type_double() }}),
                false
            ) as is_valid,
            true as is_complete,
            answers.person_id,
            answers.account_id,
            coalesce(answers.person_id, answers.distinct_id) as respondent_key,
            answers.is_internal,
            answers.submitted_at
        from {{ ref("int_product_survey_answers") }} as answers
        inner join
            {{ ref("product_survey_scales") }} as scales
            on answers.question_type = scales.question_type
            and answers.scale = scales.scale
        left join
            {{ ref("stg_posthog__surveys") }} as surveys on answers.survey_id = surveys.survey_id
    )

select *
from forms
union all
select *
from product
