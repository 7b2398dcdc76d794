-- One row per CRM company that was ever seen, with the account it stands for and the rule.
with
    companies as (select * from {{ ref("stg_hubspot__companies") }}),

    merged as (select * from {{ ref("int_merged_objects") }} where object_type = 'companies'),

    survivors as (
        select
            companies.company_id,
            merged.winner_id,
            coalesce(survivor.company_name, companies.company_name) as company_name,
            coalesce(survivor.domain, companies.domain) as domain,
            coalesce(survivor.industry, companies.industry) as industry,
            coalesce(survivor.employee_count, companies.employee_count) as employee_count,
            companies.is_archived,
            companies.created_at
        from companies
        left join merged on companies.company_id = merged.loser_id
        left join companies as survivor on merged.winner_id = survivor.company_id
    ),

    -- A company without a usable domain is the account of most of its contacts.
    contact_votes as (
        select
            associations.to_id as company_id,
            people.account_id,
            row_number() over (
                partition by associations.to_id order by count(*) desc, people.account_id
            ) as preference
        from {{ ref("stg_hubspot__associations") }} as associations
        inner join
            {{ ref("int_contact_people") }} as people on associations.from_id = people.contact_id
        where
            associations.from_type = 'contacts'
            and associations.to_type = 'companies'
            and people.account_id is not null
        group by associations.to_id, people.account_id
    )

select
    survivors.company_id,
    survivors.company_name,
    survivors.domain,
    survivors.industry,
    survivors.employee_count,
    survivors.created_at,
    survivors.is_archived,
    survivors.winner_id is not null as is_merged,
    case
        when domains.account_id is not null
        then domains.account_id
        when contact_votes.account_id is not null
        then contact_votes.account_id
        when survivors.domain is not null and free_mail.domain is null
        then 'domain:' || survivors.domain
        else 'hubspot:' || coalesce(survivors.winner_id, survivors.company_id)
    end as account_id,
    case
        when domains.account_id is not null
        then 'domain'
        when contact_votes.account_id is not null
        then 'contacts'
        when survivors.domain is not null and free_mail.domain is null
        then 'crm_domain'
        else 'crm_only'
    end as account_rule
from survivors
left join {{ ref("int_account_domains") }} as domains on survivors.domain = domains.domain
left join
    contact_votes
    on coalesce(survivors.winner_id, survivors.company_id) = contact_votes.company_id
    and contact_votes.preference = 1
left join {{ ref("free_mail_domains") }} as free_mail on survivors.domain = free_mail.domain
