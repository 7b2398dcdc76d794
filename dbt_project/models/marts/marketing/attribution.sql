-- A conversion is an account's first won deal; its touches are those of the person who brought the
-- account in, up to 90 days before. Colleagues who were invited did not find us by their visits.
with
    won as (
        select
            *,
            row_number() over (
                partition by coalesce(account_id, deal_id) order by closed_at, deal_id
            ) as purchase
        from {{ ref("deals") }}
        where is_won and closed_at is not null
    ),

    conversion_rows as (
        select
            won.deal_id as conversion_id,
            coalesce(creators.person_id, 'nobody of ' || won.deal_id) as unit,
            won.account_id,
            creators.person_id,
            won.closed_at as converted_at,
            won.amount_usd as value,
            won.created_at as deal_created_at,
            creators.signed_up_at
        from won
        left join
            {{ ref("int_account_creators") }} as creators on won.account_id = creators.account_id
        where won.purchase = 1
    ),

    placed as (
        select
            touches.person_id as unit,
            touches.touch_id,
            touches.touched_at,
            touches.channel as touch_value,
            max(
                case
                    when touches.touched_at <= conversions.signed_up_at then touches.touch_number
                end
            ) over (partition by touches.person_id) as lead_touch_number,
            max(
                case
                    when touches.touched_at <= conversions.deal_created_at then touches.touch_number
                end
            ) over (partition by touches.person_id) as deal_touch_number,
            touches.touch_number
        from {{ ref("touchpoints") }} as touches
        inner join conversion_rows as conversions on touches.person_id = conversions.person_id
    ),

    touch_rows as (
        select distinct
            unit,
            touch_id,
            touched_at,
            touch_value,
            coalesce(touch_number = lead_touch_number, false) as is_lead_creation,
            coalesce(touch_number = deal_touch_number, false) as is_deal_creation
        from placed
    ),

    weighted as (
        select *
        from
            (
                {{
                    attribution(
                        "touch_rows",
                        "conversion_rows",
                        lookback_days=90,
                        direct="direct",
                        has_milestones=true,
                    )
                }}
            ) as weights
        where weight > 0
    )

select
    weighted.conversion_id,
    conversions.account_id,
    conversions.person_id,
    conversions.converted_at,
    cast(conversions.converted_at as date) as converted_date,
    weighted.model,
    weighted.touch_id,
    weighted.touch_value as channel,
    touches.touched_at,
    touches.utm_campaign,
    cast(weighted.weight as {{ type_double() }}) as weight,
    cast(weighted.value as {{ type_double() }}) as attributed_amount_usd
from weighted
inner join conversion_rows as conversions on weighted.conversion_id = conversions.conversion_id
left join {{ ref("touchpoints") }} as touches on weighted.touch_id = touches.touch_id
