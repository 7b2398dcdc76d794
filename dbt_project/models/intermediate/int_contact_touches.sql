-- One row per time a member of the panel was approached, whoever did it and however: what
-- research's register lists, conversations that we began, and, if contact_guard_counts_answers says
-- so, answers in forms. Answers are left out by default, for a register that lists the surveys sent
-- would count them twice.
with
    registered as (
        select
            'register:' || contact_id as touch_id,
            participant_id,
            study_id,
            channel,
            contacted_at as touched_at
        from {{ ref("stg_research_files__contacts") }}
    ),

    begun as (
        select
            'intercom:' || conversations.conversation_id as touch_id,
            panellists.participant_id,
            cast(null as varchar) as study_id,
            'customer_success' as channel,
            conversations.created_at as touched_at
        from {{ ref("stg_intercom__conversations") }} as conversations
        inner join
            {{ ref("int_distinct_ids") }} as distinct_ids
            on conversations.contact_product_user_id = distinct_ids.distinct_id
        inner join
            {{ ref("int_panellists") }} as panellists
            on distinct_ids.person_id = panellists.person_id
        where conversations.is_begun_by_us and not conversations.is_deleted
    )

select *
from registered
union all
select *
from begun
{% if var("contact_guard_counts_answers") %}
    union all
    select
        answers.source || ':' || answers.form_id || ':' || answers.public_token as touch_id,
        panellists.participant_id,
        cast(null as varchar) as study_id,
        'survey' as channel,
        min(answers.submitted_at) as touched_at
    from {{ ref("int_scored_answers") }} as answers
    inner join {{ ref("int_panellists") }} as panellists on answers.person_id = panellists.person_id
    where answers.submitted_at is not null
    group by answers.source, answers.form_id, answers.public_token, panellists.participant_id
{% endif %}
