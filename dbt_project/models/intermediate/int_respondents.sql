-- One row per survey response with the person and the account who gave it and the rules.
with
    responses as (select * from {{ ref("int_survey_responses") }}),

    people as (select * from {{ ref("int_people") }}),

    emails as (
        select email, person_id, 2 as preference, 'email' as rule
        from people
        where email is not null
        union all
        -- The CRM knows second addresses that the product does not.
        select contacts.email, linked.person_id, 3 as preference, 'crm_email' as rule
        from {{ ref("stg_hubspot__contacts") }} as contacts
        inner join {{ ref("int_contacts") }} as linked on contacts.contact_id = linked.contact_id
        where contacts.email is not null and linked.person_id is not null
    ),

    candidates as (
        select
            responses.source,
            responses.form_id,
            responses.token,
            distinct_ids.person_id,
            1 as preference,
            responses.user_rule as rule
        from responses
        inner join
            {{ ref("int_distinct_ids") }} as distinct_ids
            on responses.user_id = distinct_ids.distinct_id
        where distinct_ids.person_id is not null
        union all
        select
            responses.source,
            responses.form_id,
            responses.token,
            emails.person_id,
            emails.preference,
            emails.rule
        from responses
        inner join emails on responses.email = emails.email
    ),

    ranked as (
        select
            *,
            row_number() over (
                partition by source, form_id, token order by preference, person_id
            ) as choice
        from candidates
    )

select
    responses.source,
    responses.form_id,
    responses.token,
    ranked.person_id,
    coalesce(ranked.rule, 'unmatched') as person_rule,
    coalesce(people.account_id, domains.account_id) as account_id,
    coalesce(people.is_internal, internal.domain is not null) as is_internal,
    -- Who answered, for counting one answer a wave, also when nobody we know matches.
    coalesce(
        ranked.person_id,
        responses.user_id,
        responses.email,
        responses.form_id || ':' || responses.token
    ) as respondent_key
from responses
left join
    ranked
    on responses.source = ranked.source
    and responses.form_id = ranked.form_id
    and responses.token = ranked.token
    and ranked.choice = 1
left join people on ranked.person_id = people.person_id
left join
    {{ ref("int_account_domains") }} as domains
    on {{ email_domain("responses.email") }} = domains.domain
left join
    {{ ref("internal_domains") }} as internal
    on {{ email_domain("responses.email") }} = internal.domain
