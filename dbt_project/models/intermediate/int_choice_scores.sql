-- What the choices of SurveyMonkey's questions are worth. Its own NPS question, a rating from 0 to
-- 10, is known by the numbers on its choices; of any other question says the seed
-- survey_choice_scores, by their words.
with
    choices as (
        select
            choices.survey_id,
            choices.question_id,
            choices.choice_id,
            lower(trim(choices.choice_text)) as words,
            -- Its ends are called `Not at all likely - 0` and `Extremely likely - 10`.
            try_cast(
                regexp_extract(
                    choices.choice_text, {{ regex("([0-9]+)[^0-9]*$") }}, 1
                ) as {{ type_double() }}
            ) as number,
            questions.family,
            questions.subtype
        from {{ ref("stg_surveymonkey__choices") }} as choices
        inner join
            {{ ref("stg_surveymonkey__questions") }} as questions
            on choices.survey_id = questions.survey_id
            and choices.question_id = questions.question_id
    ),

    -- A question is a metric if each of its choices is one of that metric's.
    worded as (
        select choices.survey_id, choices.question_id, metrics.metric
        from choices
        cross join (select distinct metric from {{ ref("survey_choice_scores") }}) as metrics
        left join
            {{ ref("survey_choice_scores") }} as scores
            on metrics.metric = scores.metric
            and choices.words = scores.choice_text
        where choices.family = 'single_choice'
        group by choices.survey_id, choices.question_id, metrics.metric
        having count(*) = count(scores.score)
    ),

    -- It asks of several things, and none of them is us.
    of_several as (
        select survey_id, question_id
        from {{ ref("stg_surveymonkey__answers") }}
        group by survey_id, question_id
        having count(distinct row_id) > 1
    ),

    -- Stars begin at 1, so a rating with 0 is this question.
    recommended as (
        select choices.survey_id, choices.question_id
        from choices
        left join
            of_several
            on choices.survey_id = of_several.survey_id
            and choices.question_id = of_several.question_id
        where
            choices.family = 'matrix'
            and choices.subtype = 'rating'
            and of_several.question_id is null
        group by choices.survey_id, choices.question_id
        having
            count(*) = 11
            and count(distinct choices.number) = 11
            and min(choices.number) = 0
            and max(choices.number) = 10
    )

select choices.survey_id, choices.question_id, choices.choice_id, scores.metric, scores.score
from choices
inner join
    worded on choices.survey_id = worded.survey_id and choices.question_id = worded.question_id
inner join
    {{ ref("survey_choice_scores") }} as scores
    on worded.metric = scores.metric
    and choices.words = scores.choice_text
union all
select choices.survey_id, choices.question_id, choices.choice_id, 'nps', choices.number
from choices
inner join
    recommended
    on choices.survey_id = recommended.survey_id
    and choices.question_id = recommended.question_id
