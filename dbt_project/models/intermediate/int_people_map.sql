-- Every pseudonym and whom it stands for: what the opt-in map beside the warehouse is made of.
{{ config(materialized="view") }}
select pseudonyms.pseudonym, 'posthog' as source, pseudonyms.raw_id, people.email
from {{ ref("stg_posthog__pseudonyms") }} as pseudonyms
left join {{ ref("int_people") }} as people on pseudonyms.pseudonym = people.person_id
union all
select pseudonyms.pseudonym, 'hubspot' as source, pseudonyms.raw_id, contacts.email
from {{ ref("stg_hubspot__pseudonyms") }} as pseudonyms
left join {{ ref("stg_hubspot__contacts") }} as contacts on pseudonyms.raw_id = contacts.contact_id
union all
select pseudonyms.pseudonym, 'typeform' as source, pseudonyms.raw_id, responses.hidden_email
from {{ ref("stg_typeform__pseudonyms") }} as pseudonyms
left join
    {{ ref("stg_typeform__responses") }} as responses
    on pseudonyms.raw_id = responses.form_id || ':' || responses.token
