-- deal → account: by its company, else by its contacts.
with
    candidates as (
        select
            associations.from_id as deal_id,
            companies.account_id,
            'company' as rule,
            1 as preference,
            companies.created_at
        from {{ ref("stg_hubspot__associations") }} as associations
        inner join
            {{ ref("int_companies") }} as companies on associations.to_id = companies.company_id
        where associations.from_type = 'deals' and associations.to_type = 'companies'
        union all
        select
            associations.from_id as deal_id,
            contacts.account_id,
            'contact' as rule,
            2 as preference,
            contacts.created_at
        from {{ ref("stg_hubspot__associations") }} as associations
        inner join {{ ref("int_contacts") }} as contacts on associations.to_id = contacts.contact_id
        where
            associations.from_type = 'deals'
            and associations.to_type = 'contacts'
            and contacts.account_id is not null
    ),

    ranked as (
        select
            *,
            row_number() over (
                partition by deal_id order by preference, created_at, account_id
            ) as choice
        from candidates
    )

select deal_id, account_id, rule
from ranked
where choice = 1
