-- A company as support tools and the issue tracker have it → account: by the account's key, by the
-- CRM's company, else by its domain.
with
    keys as (
        select
            'zendesk' as source, organization_id as customer_id, account_key as external_id, domain
        from {{ ref("stg_zendesk__organizations") }}
        union all
        select 'intercom' as source, company_id as customer_id, account_key as external_id, domain
        from {{ ref("stg_intercom__companies") }}
        union all
        -- Linear has many of both for one customer.
        select
            'linear' as source,
            customer_id,
            case when key_type <> 'domain' then key_value end as external_id,
            case when key_type = 'domain' then key_value end as domain
        from {{ ref("stg_linear__customer_keys") }}
    ),

    accounts as (
        select account_id
        from {{ ref("int_account_traits") }}
        union
        select account_id
        from {{ ref("int_billing_customers") }}
    ),

    candidates as (
        select keys.source, keys.customer_id, accounts.account_id, 1 as preference
        from keys
        inner join accounts on keys.external_id = accounts.account_id
        union all
        select keys.source, keys.customer_id, companies.account_id, 2 as preference
        from keys
        inner join
            {{ ref("int_companies") }} as companies on keys.external_id = companies.company_id
        union all
        select keys.source, keys.customer_id, domains.account_id, 3 as preference
        from keys
        inner join {{ ref("int_account_domains") }} as domains on keys.domain = domains.domain
        union all
        -- As int_companies names what only the CRM knows.
        select keys.source, keys.customer_id, accounts.account_id, 4 as preference
        from keys
        inner join accounts on 'domain:' || keys.domain = accounts.account_id
    ),

    ranked as (
        select
            *,
            row_number() over (
                partition by source, customer_id order by preference, account_id
            ) as choice
        from candidates
    )

select source, customer_id, account_id
from ranked
where choice = 1
