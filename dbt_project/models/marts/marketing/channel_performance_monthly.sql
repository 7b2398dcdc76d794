-- Costs, sign-ups and conversions of a month side by side, each summed before they meet. Costs of a
-- month win customers of later ones too: for a true cost per customer sum over months, then divide.
with
    spend as (
        select
            costs.month_start,
            coalesce(costs.channel, channels.channel, 'other') as channel,
            sum(costs.cost_usd) as spend_usd
        from {{ ref("int_marketing_costs") }} as costs
        left join
            {{ ref("int_entry_channels") }} as channels
            on costs.utm_source = channels.utm_source
            and costs.utm_medium = channels.utm_medium
            and channels.referring_domain = '(none)'
        group by costs.month_start, coalesce(costs.channel, channels.channel, 'other')
    ),

    signed_up as (
        select
            cast(date_trunc('month', signed_up_date) as date) as month_start,
            channel,
            count(*) as signup_count
        from {{ ref("signups") }}
        group by 1, 2
    ),

    converted as (
        select
            cast(date_trunc('month', converted_date) as date) as month_start,
            channel,
            sum(case when model = 'first_touch' then 1 else 0 end) as first_touch_conversion_count,
            sum(case when model = 'last_touch' then 1 else 0 end) as last_touch_conversion_count,
            sum(case when model = 'linear' then weight else 0 end) as linear_conversions
        from {{ ref("attribution") }}
        group by 1, 2
    ),

    keys as (
        select month_start, channel
        from spend
        union
        select month_start, channel
        from signed_up
        union
        select month_start, channel
        from converted
    )

select
    keys.month_start,
    keys.channel,
    cast(coalesce(spend.spend_usd, 0) as decimal(18, 2)) as spend_usd,
    {{ date_plus_days("keys.month_start", 61) }} <= cast(clock.as_of as date) as is_spend_final,
    coalesce(signed_up.signup_count, 0) as signup_count,
    cast(
        coalesce(converted.first_touch_conversion_count, 0) as bigint
    ) as first_touch_conversion_count,
    cast(
        coalesce(converted.last_touch_conversion_count, 0) as bigint
    ) as last_touch_conversion_count,
    cast(coalesce(converted.linear_conversions, 0) as {{ type_double() }}) as linear_conversions,
    cast(
        spend.spend_usd / nullif(converted.first_touch_conversion_count, 0) as {{ type_double() }}
    ) as first_touch_cac_usd,
    cast(
        spend.spend_usd / nullif(converted.last_touch_conversion_count, 0) as {{ type_double() }}
    ) as last_touch_cac_usd
from keys
cross join {{ ref("int_clock") }} as clock
left join spend on keys.month_start = spend.month_start and keys.channel = spend.channel
left join signed_up on keys.month_start = signed_up.month_start and keys.channel = signed_up.channel
left join converted on keys.month_start = converted.month_start and keys.channel = converted.channel
