-- Every id that any vendor has for a person or a company, as the vendor writes it.
{{ config(materialized="view") }}
select
    'posthog' as source,
    'distinct_id' as identity_type,
    distinct_ids.distinct_id as identity_id,
    -- Clients make a UUID for whoever has not logged in; products give their own ids.
    regexp_matches(
        distinct_ids.distinct_id, '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
    ) as is_anonymous,
    null as winner_id,
    distinct_ids.person_id,
    people.account_id,
    people.is_internal,
    distinct_ids.rule as person_rule,
    people.account_rule,
    coalesce(people.account_evidence, distinct_ids.evidence) as evidence
from {{ ref("int_distinct_ids") }} as distinct_ids
left join {{ ref("int_people") }} as people on distinct_ids.person_id = people.person_id
union all
select
    'hubspot' as source,
    'contact' as identity_type,
    contact_id as identity_id,
    false as is_anonymous,
    null as winner_id,
    person_id,
    account_id,
    false as is_internal,
    coalesce(person_rule, 'unmatched') as person_rule,
    coalesce(account_rule, 'no_account') as account_rule,
    case when is_archived then 'archived' end as evidence
from {{ ref("int_contacts") }}
where not is_merged
union all
select
    'hubspot' as source,
    'company' as identity_type,
    company_id as identity_id,
    false as is_anonymous,
    null as winner_id,
    null as person_id,
    account_id,
    false as is_internal,
    'not_a_person' as person_rule,
    account_rule,
    case when is_merged then 'merged' when is_archived then 'archived' else domain end as evidence
from {{ ref("int_companies") }}
where not is_merged
union all
-- Merged away, perhaps before we ever looked: only the winner still names them.
select
    'hubspot' as source,
    case when merged.object_type = 'companies' then 'company' else 'contact' end as identity_type,
    merged.loser_id as identity_id,
    false as is_anonymous,
    merged.winner_id,
    contacts.person_id,
    coalesce(companies.account_id, contacts.account_id) as account_id,
    false as is_internal,
    'merged' as person_rule,
    'merged' as account_rule,
    null as evidence
from {{ ref("int_merged_objects") }} as merged
left join
    {{ ref("int_companies") }} as companies
    on merged.object_type = 'companies'
    and merged.winner_id = companies.company_id
left join
    {{ ref("int_contacts") }} as contacts
    on merged.object_type = 'contacts'
    and merged.winner_id = contacts.contact_id
where merged.object_type in ('companies', 'contacts')
union all
-- Who is billed is a company, whoever's address is on the bill.
select
    'stripe' as source,
    'customer' as identity_type,
    customer_id as identity_id,
    false as is_anonymous,
    null as winner_id,
    null as person_id,
    account_id,
    false as is_internal,
    'not_a_person' as person_rule,
    account_rule,
    evidence
from {{ ref("int_billing_customers") }}
union all
select
    source,
    'response' as identity_type,
    form_id || ':' || token as identity_id,
    false as is_anonymous,
    null as winner_id,
    person_id,
    account_id,
    is_internal,
    person_rule,
    case when account_id is null then 'no_account' else 'person' end as account_rule,
    null as evidence
from {{ ref("int_respondents") }}
