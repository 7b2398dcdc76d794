-- One row per person: the traits of their account. Who signed up without one keeps the channel
-- of their own sign-up.
select
    people.person_id,
    people.account_id,
    coalesce(accounts.segment, 'unknown') as segment,
    coalesce(accounts.plan, 'unknown') as plan,
    coalesce(accounts.channel, signups.channel, 'unknown') as channel
from {{ ref("int_people") }} as people
left join {{ ref("int_account_traits") }} as accounts on people.account_id = accounts.account_id
left join {{ ref("int_signup_channels") }} as signups on people.person_id = signups.person_id
where not people.is_internal
