-- What every team knows of an account, as it is now. Each part is counted on its own and joined by
-- account, so that no amount is counted once per something else.
with
    use_of as (
        select
            days.account_id,
            count(
                distinct case
                    when days.active_date > {{ date_plus_days("clock.last_complete_date", -28) }}
                    then days.person_id
                end
            ) as active_people_28d,
            max(days.active_date) as last_used_on
        from {{ ref("daily_active_people") }} as days
        cross join {{ ref("int_clock") }} as clock
        where days.use_count > 0 and days.active_date <= clock.last_complete_date
        group by days.account_id
    ),

    latest_stages as (
        select
            account_id,
            feature_id,
            stage,
            row_number() over (
                partition by account_id, feature_id order by week_start desc
            ) as recency
        from {{ ref("feature_adoption_weekly") }}
    ),

    features as (
        select
            account_id,
            cast(sum(case when stage = 'adopted' then 1 else 0 end) as bigint) as adopted_count,
            cast(sum(case when stage = 'dropped' then 1 else 0 end) as bigint) as dropped_count
        from latest_stages
        where recency = 1
        group by account_id
    ),

    dealt as (
        select
            account_id,
            cast(sum(case when is_closed then 0 else 1 end) as bigint) as open_deal_count,
            sum(case when not is_closed then amount_usd else 0 end) as open_deal_usd,
            sum(case when is_won then amount_usd else 0 end) as won_usd,
            min(case when not is_closed then expected_close_date end) as next_close_date
        from {{ ref("deals") }}
        group by account_id
    ),

    answers as (
        select
            account_id,
            metric,
            score,
            submitted_at,
            nps_points,
            row_number() over (
                partition by account_id, metric order by submitted_at desc, response_id
            ) as recency
        from {{ ref("survey_responses") }}
        where is_counted and account_id is not null
    ),

    opinions as (
        select
            account_id,
            max(case when metric = 'nps' and recency = 1 then score end) as last_nps_score,
            max(case when metric = 'nps' and recency = 1 then submitted_at end) as last_nps_at,
            max(case when metric = 'csat' and recency = 1 then score end) as last_csat_score,
            count(*) as answer_count
        from answers
        group by account_id
    ),

    health as (
        select *, row_number() over (partition by account_id order by score_date desc) as recency
        from {{ ref("account_health_daily") }}
    )

select
    accounts.account_id,
    accounts.account_name,
    accounts.domain,
    coalesce(traits.segment, 'unknown') as segment,
    coalesce(traits.channel, 'unknown') as channel,
    case
        when accounts.mrr_usd > 0
        then 'customer'
        when accounts.churned_at is not null
        then 'former customer'
        when leads.is_mature
        then 'lapsed trial'
        when leads.account_id is not null
        then 'trial'
        else 'prospect'
    end as relation,
    accounts.mrr_usd,
    cast(accounts.mrr_usd * 12 as decimal(18, 2)) as arr_usd,
    accounts.paid_seat_count,
    accounts.first_paid_at,
    accounts.churned_at,
    case when accounts.mrr_usd > 0 then health.health end as health,
    case when accounts.mrr_usd > 0 then health.health_score end as health_score,
    coalesce(leads.is_qualified, false) as is_qualified_lead,
    coalesce(leads.is_open, false) as is_open_lead,
    leads.lead_score,
    accounts.people_count,
    coalesce(use_of.active_people_28d, 0) as active_people_28d,
    use_of.last_used_on,
    coalesce(features.adopted_count, 0) as adopted_feature_count,
    coalesce(features.dropped_count, 0) as dropped_feature_count,
    coalesce(dealt.open_deal_count, 0) as open_deal_count,
    cast(coalesce(dealt.open_deal_usd, 0) as decimal(18, 2)) as open_deal_usd,
    cast(coalesce(dealt.won_usd, 0) as decimal(18, 2)) as won_usd,
    dealt.next_close_date,
    opinions.last_nps_score,
    opinions.last_nps_at,
    opinions.last_csat_score,
    coalesce(opinions.answer_count, 0) as answer_count
from {{ ref("accounts") }} as accounts
left join {{ ref("int_account_traits") }} as traits on accounts.account_id = traits.account_id
left join {{ ref("product_qualified_leads") }} as leads on accounts.account_id = leads.account_id
left join use_of on accounts.account_id = use_of.account_id
left join features on accounts.account_id = features.account_id
left join dealt on accounts.account_id = dealt.account_id
left join opinions on accounts.account_id = opinions.account_id
left join health on accounts.account_id = health.account_id and health.recency = 1
