-- One row per scored answer: which answers are a metric says the seed survey_questions, and of
-- questions with choices int_choice_scores.
with
    answers as (select * from {{ ref("stg_typeform__answers") }}),

    matches as (
        select
            answers.form_id,
            answers.token,
            answers.field_ref,
            answers.value,
            questions.metric,
            questions.lowest,
            questions.highest,
            row_number() over (
                partition by answers.form_id, answers.token, answers.position
                order by questions.metric
            ) as choice
        from answers
        inner join
            {{ ref("survey_questions") }} as questions
            on (
                questions.field_ref_pattern is null
                or answers.field_ref like questions.field_ref_pattern
            )
            and (questions.field_type is null or answers.field_type = questions.field_type)
        where answers.answer_type = 'number'
    )

select
    'typeform' as source,
    form_id,
    token,
    field_ref,
    metric,
    try_cast(value as {{ type_double() }}) as score,
    -- A score between two integers, or off the scale, was not given on this scale.
    coalesce(
        try_cast(value as {{ type_double() }}) between lowest and highest
        and floor(try_cast(value as {{ type_double() }})) = try_cast(value as {{ type_double() }}),
        false
    ) as is_valid
from matches
where choice = 1
union all
select
    'surveymonkey' as source,
    answers.survey_id as form_id,
    answers.response_id as token,
    answers.question_id as field_ref,
    choices.metric,
    choices.score,
    true as is_valid
from {{ ref("stg_surveymonkey__answers") }} as answers
inner join
    {{ ref("int_choice_scores") }} as choices
    on answers.survey_id = choices.survey_id
    and answers.question_id = choices.question_id
    and answers.choice_id = choices.choice_id
