-- Who writes to support → person of the product: by the product's id, else by e-mail address.
with
    requesters as (
        select 'zendesk' as source, user_id as requester_id, product_user_id, email, email_domain
        from {{ ref("stg_zendesk__users") }}
        where not is_agent
        union all
        select
            'intercom' as source, contact_id as requester_id, product_user_id, email, email_domain
        from {{ ref("stg_intercom__contacts") }}
    ),

    people as (select * from {{ ref("int_people") }}),

    candidates as (
        select requesters.source, requesters.requester_id, ids.person_id, 1 as preference
        from requesters
        inner join
            {{ ref("int_distinct_ids") }} as ids on requesters.product_user_id = ids.distinct_id
        where ids.person_id is not null
        union all
        select requesters.source, requesters.requester_id, people.person_id, 2 as preference
        from requesters
        inner join people on requesters.email = people.email
    ),

    ranked as (
        select
            *,
            row_number() over (
                partition by source, requester_id order by preference, person_id
            ) as choice
        from candidates
    )

select
    requesters.source,
    requesters.requester_id,
    ranked.person_id,
    coalesce(people.account_id, domains.account_id) as account_id,
    coalesce(people.is_internal, false) or internal.domain is not null as is_internal
from requesters
left join
    ranked
    on requesters.source = ranked.source
    and requesters.requester_id = ranked.requester_id
    and ranked.choice = 1
left join people on ranked.person_id = people.person_id
left join {{ ref("int_account_domains") }} as domains on requesters.email_domain = domains.domain
left join {{ ref("internal_domains") }} as internal on requesters.email_domain = internal.domain
