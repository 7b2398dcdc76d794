-- One row per person with the account they belong to and the rule that said so.
with
    profiles as (select * from {{ ref("int_person_profiles") }}),

    domains as (select * from {{ ref("int_account_domains") }})

select
    profiles.person_id,
    profiles.email,
    profiles.has_profile,
    profiles.is_internal,
    profiles.initial_utm_source,
    profiles.initial_utm_medium,
    profiles.initial_referring_domain,
    case
        when not profiles.is_internal then coalesce(profiles.account_key, domains.account_id)
    end as account_id,
    case
        when profiles.is_internal
        then 'internal_domain'
        when profiles.account_key is not null
        then 'group_key'
        when domains.rule is not null
        then domains.rule
        when profiles.is_free_mail
        then 'free_mail'
        else 'no_account'
    end as account_rule,
    case
        when profiles.is_internal or profiles.account_key is null
        then profiles.email_domain
        else profiles.account_key
    end as account_evidence
from profiles
left join domains on profiles.email_domain = domains.domain and not profiles.is_free_mail
