-- company e-mail domain → account. A free-mail domain is never an account.
with
    people as (
        select *
        from {{ ref("int_person_profiles") }}
        where email_domain is not null and not is_free_mail and not is_internal
    ),

    votes as (
        select email_domain, account_key, count(*) as person_count
        from people
        where account_key is not null
        group by email_domain, account_key
    ),

    -- The key that most people of the domain act under; a tie goes to the smaller key, so that
    -- the answer does not depend on the order of rows. Losing keys are counted, not forgotten.
    ranked as (
        select
            *,
            row_number() over (
                partition by email_domain order by person_count desc, account_key
            ) as preference,
            count(*) over (partition by email_domain) as candidate_count
        from votes
    ),

    domains as (select distinct email_domain from people)

select
    domains.email_domain as domain,
    coalesce(ranked.account_key, 'domain:' || domains.email_domain) as account_id,
    case
        when ranked.account_key is null then 'email_domain' else 'email_domain_of_group'
    end as rule,
    coalesce(ranked.candidate_count, 1) as candidate_count
from domains
left join ranked on domains.email_domain = ranked.email_domain and ranked.preference = 1
