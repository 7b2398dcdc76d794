with
    people as (select * from {{ ref("int_people") }} where not is_internal),

    seen as (
        select
            ids.person_id,
            min(events.occurred_at) as first_seen_at,
            max(events.occurred_at) as last_seen_at
        from {{ ref("int_events") }} as events
        inner join {{ ref("int_identified_ids") }} as ids on events.distinct_id = ids.distinct_id
        group by ids.person_id
    ),

    ids as (
        select person_id, count(*) as distinct_id_count
        from {{ ref("int_distinct_ids") }}
        group by person_id
    ),

    contacts as (
        select person_id, count(*) as contact_count
        from {{ ref("int_contacts") }}
        where person_id is not null and not is_merged and not is_archived
        group by person_id
    )

select
    people.person_id,
    people.account_id,
    people.account_rule,
    people.has_profile,
    ids.distinct_id_count,
    coalesce(contacts.contact_count, 0) as contact_count,
    seen.first_seen_at,
    seen.last_seen_at
from people
inner join ids on people.person_id = ids.person_id
left join seen on people.person_id = seen.person_id
left join contacts on people.person_id = contacts.person_id
