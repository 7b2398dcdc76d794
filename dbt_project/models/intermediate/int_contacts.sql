-- One row per CRM contact with the person and the account it stands for and the rules.
with
    contacts as (select * from {{ ref("stg_hubspot__contacts") }}),

    merged as (select * from {{ ref("int_merged_objects") }} where object_type = 'contacts'),

    employers as (
        select
            associations.from_id as contact_id,
            companies.account_id,
            row_number() over (
                partition by associations.from_id
                order by companies.created_at, companies.company_id
            ) as preference
        from {{ ref("stg_hubspot__associations") }} as associations
        inner join
            {{ ref("int_companies") }} as companies on associations.to_id = companies.company_id
        where associations.from_type = 'contacts' and associations.to_type = 'companies'
    )

select
    contacts.contact_id,
    merged.winner_id is not null as is_merged,
    contacts.is_archived,
    matches.person_id,
    matches.rule as person_rule,
    coalesce(matches.account_id, employers.account_id, domains.account_id) as account_id,
    case
        when matches.account_id is not null
        then 'person'
        when employers.account_id is not null
        then 'company'
        when domains.account_id is not null
        then 'email_domain'
    end as account_rule,
    contacts.lifecycle_stage,
    contacts.created_at
from contacts
left join merged on contacts.contact_id = merged.loser_id
left join {{ ref("int_contact_people") }} as matches on contacts.contact_id = matches.contact_id
left join employers on contacts.contact_id = employers.contact_id and employers.preference = 1
left join
    {{ ref("int_account_domains") }} as domains
    on {{ email_domain("contacts.email") }} = domains.domain
