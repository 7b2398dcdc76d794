-- What accounts are told apart by in product numbers. As they are now, so that an account that
-- grows takes its history along and shares over time compare the same accounts.
with
    accounts as (
        select account_id
        from {{ ref("int_people") }}
        where account_id is not null
        group by account_id
        union
        select account_id
        from {{ ref("int_companies") }}
    ),

    companies as (
        select
            account_id,
            employee_count,
            row_number() over (partition by account_id order by created_at, company_id) as age
        from {{ ref("int_companies") }}
        where not is_merged and not is_archived and employee_count is not null
    ),

    customers as (
        select deal_accounts.account_id
        from {{ ref("int_live_deals") }} as deals
        inner join
            {{ ref("stg_hubspot__pipeline_stages") }} as stages
            on deals.pipeline_id = stages.pipeline_id
            and deals.stage_id = stages.stage_id
        inner join
            {{ ref("int_deal_accounts") }} as deal_accounts on deals.deal_id = deal_accounts.deal_id
        where stages.object_type = 'deals' and stages.is_closed and stages.probability = 1
        group by deal_accounts.account_id
    ),

    signups as (
        select
            account_id,
            channel,
            row_number() over (partition by account_id order by signed_up_at, signup_id) as attempt
        from {{ ref("int_signup_channels") }}
        where account_id is not null
    )

select
    accounts.account_id,
    coalesce(segments.segment, 'unknown') as segment,
    case when customers.account_id is null then 'free' else 'paid' end as plan,
    coalesce(signups.channel, 'unknown') as channel
from accounts
left join companies on accounts.account_id = companies.account_id and companies.age = 1
left join
    {{ ref("account_segments") }} as segments
    on companies.employee_count >= segments.lowest_employees
    and (
        segments.highest_employees is null or companies.employee_count <= segments.highest_employees
    )
left join customers on accounts.account_id = customers.account_id
left join signups on accounts.account_id = signups.account_id and signups.attempt = 1
