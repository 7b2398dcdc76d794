-- One row per time a member of the panel was approached, whoever did it and however: what
-- research's register lists, conversations that we began, the call, meeting or e-mail that the CRM
-- logged last, and, if contact_guard_counts_answers says so, answers in forms. Answers are left out
-- by default, for a register that lists the surveys sent would count them twice.
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
    ),

    -- A prospect in the panel has no person of the product, but an address.
    known_to_sales as (
        select people.contact_id, panellists.participant_id
        from {{ ref("int_contact_people") }} as people
        inner join
            {{ ref("int_panellists") }} as panellists on people.person_id = panellists.person_id
        union
        select contacts.contact_id, participants.participant_id
        from {{ ref("stg_hubspot__contacts") }} as contacts
        inner join
            {{ ref("stg_research_files__participants") }} as participants
            on contacts.email = participants.email
    ),

    -- A contact says no more than when it was last contacted.
    logged as (
        select
            'hubspot:' || contacts.contact_id as touch_id,
            known_to_sales.participant_id,
            cast(null as varchar) as study_id,
            'sales' as channel,
            contacts.last_contacted_at as touched_at
        from {{ ref("stg_hubspot__contacts") }} as contacts
        inner join known_to_sales on contacts.contact_id = known_to_sales.contact_id
        where
            contacts.last_contacted_at is not null
            and not contacts.is_archived
            -- Nor is it counted a second time where the register lists it.
            and not exists (
                select 1
                from registered
                where
                    registered.participant_id = known_to_sales.participant_id
                    and cast(registered.touched_at as date)
                    = cast(contacts.last_contacted_at as date)
            )
    )

select *
from registered
union all
select *
from begun
union all
select *
from logged
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
