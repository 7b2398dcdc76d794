-- Stripe customer → account: by what somebody wrote into its metadata, else by its e-mail's domain.
-- One that nothing matches is an account of its own, so that no revenue is lost on the way.
with
    customers as (
        select
            customers.*,
            coalesce(
                customers.domain, case when free_mail.domain is null then customers.email_domain end
            ) as known_domain
        from {{ ref("stg_stripe__customers") }} as customers
        left join
            {{ ref("free_mail_domains") }} as free_mail on customers.email_domain = free_mail.domain
    ),

    account_keys as (
        select account_key
        from {{ ref("int_person_profiles") }}
        where account_key is not null
        group by account_key
    ),

    matched as (
        select
            customers.customer_id,
            customers.is_deleted,
            customers.created_at,
            customers.known_domain,
            customers.crm_company_id,
            account_keys.account_key,
            companies.account_id as company_account_id,
            domains.account_id as domain_account_id,
            case when customers.domain is null then 'email_domain' else 'domain' end as domain_rule
        from customers
        left join account_keys on customers.account_key = account_keys.account_key
        left join
            {{ ref("int_companies") }} as companies
            on customers.crm_company_id = companies.company_id
        left join
            {{ ref("int_account_domains") }} as domains on customers.known_domain = domains.domain
    )

select
    customer_id,
    is_deleted,
    created_at,
    coalesce(
        account_key,
        company_account_id,
        domain_account_id,
        -- As int_companies names what only the CRM knows, so that the two meet.
        'domain:' || known_domain,
        'stripe:' || customer_id
    ) as account_id,
    case
        when account_key is not null
        then 'account_key'
        when company_account_id is not null
        then 'crm_company'
        when domain_account_id is not null
        then domain_rule
        when known_domain is not null
        then 'billing_domain'
        else 'billing_only'
    end as account_rule,
    case
        when account_key is not null
        then account_key
        when company_account_id is not null
        then crm_company_id
        else known_domain
    end as evidence
from matched
