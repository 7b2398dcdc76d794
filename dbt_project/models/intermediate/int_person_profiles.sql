-- What is known of each person: the latest profile and the account key they last acted under.
with
    distinct_ids as (select * from {{ ref("int_distinct_ids") }} where person_id is not null),

    profiles as (
        select
            *,
            row_number() over (
                partition by person_id order by person_version desc, arrived_at desc, distinct_id
            ) as recency
        from {{ ref("stg_posthog__persons") }}
        where not is_deleted
    ),

    -- The last account counts: people change employers, and agencies lend each other people.
    groups as (
        select
            distinct_ids.person_id,
            events.account_key,
            row_number() over (
                partition by distinct_ids.person_id
                order by max(events.occurred_at) desc, count(*) desc, events.account_key
            ) as recency
        from {{ ref("int_events") }} as events
        inner join distinct_ids on events.distinct_id = distinct_ids.distinct_id
        where events.account_key is not null
        group by distinct_ids.person_id, events.account_key
    )

select
    people.person_id,
    profiles.person_id is not null as has_profile,
    profiles.email,
    {{ email_domain("profiles.email") }} as email_domain,
    free_mail.domain is not null as is_free_mail,
    internal.domain is not null as is_internal,
    profiles.initial_utm_source,
    profiles.initial_utm_medium,
    profiles.initial_referring_domain,
    groups.account_key
from (select distinct person_id from distinct_ids) as people
left join profiles on people.person_id = profiles.person_id and profiles.recency = 1
left join groups on people.person_id = groups.person_id and groups.recency = 1
left join
    {{ ref("free_mail_domains") }} as free_mail
    on {{ email_domain("profiles.email") }} = free_mail.domain
left join
    {{ ref("internal_domains") }} as internal
    on {{ email_domain("profiles.email") }} = internal.domain
