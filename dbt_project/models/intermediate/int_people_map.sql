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
union all
select pseudonyms.pseudonym, 'surveymonkey' as source, pseudonyms.raw_id, responses.email
from {{ ref("stg_surveymonkey__pseudonyms") }} as pseudonyms
left join
    {{ ref("stg_surveymonkey__responses") }} as responses
    on pseudonyms.raw_id = responses.survey_id || ':' || responses.response_id
union all
select pseudonyms.pseudonym, 'research_files' as source, pseudonyms.raw_id, participants.email
from {{ ref("stg_research_files__pseudonyms") }} as pseudonyms
left join
    {{ ref("stg_research_files__participants") }} as participants
    on pseudonyms.raw_id = participants.participant_id
union all
select pseudonyms.pseudonym, 'intercom' as source, pseudonyms.raw_id, contacts.email
from {{ ref("stg_intercom__pseudonyms") }} as pseudonyms
left join {{ ref("stg_intercom__contacts") }} as contacts on pseudonyms.raw_id = contacts.contact_id
union all
select pseudonyms.pseudonym, 'zendesk' as source, pseudonyms.raw_id, users.email
from {{ ref("stg_zendesk__pseudonyms") }} as pseudonyms
left join {{ ref("stg_zendesk__users") }} as users on pseudonyms.raw_id = users.user_id
