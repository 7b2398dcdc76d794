-- Answers to surveys in the product. A submission may send several `survey sent` events; as PostHog
-- counts, the latest one stands for it, and an event without a submission's id is one of its own.
-- An
-- answer by the question's id goes before one by its number.
with
    sent as (
        select
            event_id,
            distinct_id,
            occurred_at,
            properties,
            {{ json_text("properties", ["$survey_id"]) }} as survey_id,
            coalesce(
                {{ json_text("properties", ["$survey_submission_id"]) }}, event_id
            ) as submission_id
        from {{ ref("stg_posthog__events") }}
        where event_name = 'survey sent'
    ),

    folded as (
        select
            *,
            row_number() over (
                partition by submission_id order by occurred_at desc, event_id desc
            ) as recency
        from sent
        where survey_id is not null and occurred_at is not null
    ),

    answers as (
        select
            folded.survey_id,
            folded.submission_id,
            folded.distinct_id,
            folded.occurred_at,
            questions.question_id,
            questions.question_type,
            questions.scale,
            coalesce(
                {{
                    json_text_at(
                        "folded.properties", "'$survey_response_' || questions.question_id"
                    )
                }},
                {{
                    json_text_at(
                        "folded.properties",
                        "'$survey_response' || case when questions.position > 0 then '_' || questions.position else '' end",
                    )
                }}
            ) as value
        from folded
        inner join
            {{ ref("stg_posthog__survey_questions") }} as questions
            on folded.survey_id = questions.survey_id
        where folded.recency = 1
    )

select
    answers.survey_id,
    answers.submission_id,
    answers.question_id,
    answers.question_type,
    answers.scale,
    answers.value,
    answers.occurred_at as submitted_at,
    answers.distinct_id,
    ids.person_id,
    ids.account_id,
    coalesce(ids.is_internal, false) as is_internal
from answers
left join {{ ref("int_identified_ids") }} as ids on answers.distinct_id = ids.distinct_id
where answers.value is not null
