-- People by the week and channel they first came by, and how far each has got until now. Recent
-- weeks have had less time: their later steps still grow. An account counts with who brought it in.
with
    entries as (
        select person_id, channel, touched_date as entry_date
        from {{ ref("touchpoints") }}
        where touch_number = 1
        union all
        -- Signed up without a page view that we saw.
        select signups.person_id, signups.channel, signups.signed_up_date as entry_date
        from {{ ref("signups") }} as signups
        left join
            {{ ref("touchpoints") }} as touches
            on signups.person_id = touches.person_id
            and touches.touch_number = 1
        where touches.person_id is null
    ),

    dealt as (
        select account_id, max(case when is_won then 1 else 0 end) as won
        from {{ ref("deals") }}
        where account_id is not null
        group by account_id
    ),

    brought as (
        select
            creators.person_id,
            max(case when activated.account_id is null then 0 else 1 end) as activated,
            max(case when dealt.account_id is null then 0 else 1 end) as dealt,
            max(coalesce(dealt.won, 0)) as won
        from {{ ref("int_account_creators") }} as creators
        left join
            {{ ref("int_activated_accounts") }} as activated
            on creators.account_id = activated.account_id
        left join dealt on creators.account_id = dealt.account_id
        group by creators.person_id
    )

select
    {{ week_start("entries.entry_date") }} as week_start,
    entries.channel,
    count(*) as visitor_count,
    count(signups.person_id) as signup_count,
    cast(sum(coalesce(brought.activated, 0)) as bigint) as activated_count,
    cast(sum(coalesce(brought.dealt, 0)) as bigint) as opportunity_count,
    cast(sum(coalesce(brought.won, 0)) as bigint) as won_count
from entries
left join {{ ref("signups") }} as signups on entries.person_id = signups.person_id
left join brought on entries.person_id = brought.person_id
group by {{ week_start("entries.entry_date") }}, entries.channel
