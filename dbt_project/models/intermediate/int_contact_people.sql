-- CRM contact → person of the product, by any of the contact's addresses.
with
    contacts as (select * from {{ ref("stg_hubspot__contacts") }}),

    addresses as (
        select contact_id, email, 1 as preference, 'email' as rule
        from contacts
        where email is not null
        union all
        select contact_id, part as email, 2 as preference, 'additional_email' as rule
        from ({{ split_rows("contacts", "contact_id", "additional_emails") }}) as parts
    ),

    matches as (
        select
            addresses.contact_id,
            addresses.rule,
            people.person_id,
            people.account_id,
            row_number() over (
                partition by addresses.contact_id order by addresses.preference, people.person_id
            ) as preference
        from addresses
        inner join {{ ref("int_people") }} as people on addresses.email = people.email
    )

select contact_id, person_id, account_id, rule
from matches
where preference = 1
