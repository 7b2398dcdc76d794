-- Who brought an account in: its first person to sign up.
with
    ranked as (
        select
            people.account_id,
            signups.person_id,
            signups.signup_id,
            signups.signed_up_at,
            row_number() over (
                partition by people.account_id order by signups.signed_up_at, signups.signup_id
            ) as place
        from {{ ref("int_first_touches") }} as signups
        inner join {{ ref("int_people") }} as people on signups.person_id = people.person_id
        where people.account_id is not null
    )

select account_id, person_id, signup_id, signed_up_at
from ranked
where place = 1
