-- One row per member of research's panel with the person and the account behind it and the rule.
with
    participants as (select * from {{ ref("stg_research_files__participants") }}),

    pseudonyms as (select * from {{ ref("stg_research_files__pseudonyms") }}),

    people as (select * from {{ ref("int_people") }}),

    candidates as (
        select
            participants.participant_id, distinct_ids.person_id, 1 as preference, 'user_id' as rule
        from participants
        inner join
            {{ ref("int_distinct_ids") }} as distinct_ids
            on participants.user_id = distinct_ids.distinct_id
        where distinct_ids.person_id is not null
        union all
        select participants.participant_id, people.person_id, 2 as preference, 'email' as rule
        from participants
        inner join people on participants.email = people.email
    ),

    named as (
        select
            participants.participant_id,
            contacts.first_name,
            contacts.last_name,
            row_number() over (
                partition by participants.participant_id
                order by contacts.is_archived, contacts.contact_id
            ) as choice
        from participants
        inner join
            {{ ref("stg_hubspot__contacts") }} as contacts on participants.email = contacts.email
    ),

    ranked as (
        select
            *,
            row_number() over (partition by participant_id order by preference, person_id) as choice
        from candidates
    )

select
    participants.participant_id,
    pseudonyms.pseudonym as panellist_id,
    ranked.person_id,
    coalesce(ranked.rule, 'unmatched') as person_rule,
    coalesce(people.account_id, domains.account_id) as account_id,
    coalesce(people.is_internal, internal.domain is not null) as is_internal,
    participants.joined_at,
    named.first_name,
    named.last_name
from participants
inner join pseudonyms on participants.participant_id = pseudonyms.raw_id
left join ranked on participants.participant_id = ranked.participant_id and ranked.choice = 1
left join people on ranked.person_id = people.person_id
left join named on participants.participant_id = named.participant_id and named.choice = 1
left join {{ ref("int_account_domains") }} as domains on participants.email_domain = domains.domain
left join {{ ref("internal_domains") }} as internal on participants.email_domain = internal.domain
