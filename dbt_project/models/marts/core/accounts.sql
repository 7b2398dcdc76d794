with
    people as (
        select account_id, count(*) as people_count
        from {{ ref("int_people") }}
        where account_id is not null
        group by account_id
    ),

    activity as (
        select
            coalesce(events.account_key, ids.account_id) as account_id,
            min(events.occurred_at) as first_seen_at,
            max(events.occurred_at) as last_seen_at
        from {{ ref("int_events") }} as events
        inner join {{ ref("int_identified_ids") }} as ids on events.distinct_id = ids.distinct_id
        where ids.person_id is not null and not ids.is_internal
        group by coalesce(events.account_key, ids.account_id)
    ),

    -- Duplicates of one company share an account; the oldest record gives the name.
    companies as (
        select
            *,
            row_number() over (partition by account_id order by created_at, company_id) as age,
            count(*) over (partition by account_id) as company_count
        from {{ ref("int_companies") }}
        where not is_merged and not is_archived
    ),

    domains as (
        select account_id, min(domain) as domain
        from {{ ref("int_account_domains") }}
        group by account_id
    ),

    ids as (
        select account_id
        from people
        union
        select account_id
        from activity
        where account_id is not null
        union
        select account_id
        from companies
        union
        select account_id
        from {{ ref("int_billing_customers") }}
    )

select
    ids.account_id,
    coalesce(companies.company_name, domains.domain, ids.account_id) as account_name,
    coalesce(domains.domain, companies.domain) as domain,
    companies.industry,
    companies.employee_count,
    companies.company_id as crm_company_id,
    coalesce(companies.company_count, 0) as crm_company_count,
    coalesce(people.people_count, 0) as people_count,
    companies.company_id is not null as has_crm_company,
    activity.account_id is not null as has_product_use,
    coalesce(billing.seat_count, 0) as paid_seat_count,
    cast(coalesce(billing.mrr_usd, 0) as decimal(18, 2)) as mrr_usd,
    billing.first_paid_at,
    billing.churned_at,
    activity.first_seen_at,
    activity.last_seen_at
from ids
left join people on ids.account_id = people.account_id
left join activity on ids.account_id = activity.account_id
left join companies on ids.account_id = companies.account_id and companies.age = 1
left join domains on ids.account_id = domains.account_id
left join {{ ref("int_account_billing") }} as billing on ids.account_id = billing.account_id
