-- Costs, sign-ups, conversions and new customers of a month side by side. Costs of a month win
-- customers of later ones too: for a true cost per customer sum over months, then divide.
{% set counts = [
    "signup_count",
    "first_touch_conversion_count",
    "last_touch_conversion_count",
    "new_customer_count",
    "matured_customer_count",
    "churned_6m_count",
] %}
{% set measures = counts + ["spend_usd", "linear_conversions"] %}
{% set facts = {
    "spend": ["spend_usd"],
    "signed_up": counts[:1],
    "converted": counts[1:3] + ["linear_conversions"],
    "cohorts": counts[3:],
} %}
with
    first_touches as (
        select person_id, channel, utm_campaign from {{ ref("touchpoints") }} where touch_number = 1
    ),

    -- A platform's name for a campaign is one of ours if its visits carry it.
    tagged as (
        select distinct utm_campaign from {{ ref("touchpoints") }} where utm_campaign is not null
    ),

    spend as (
        select
            costs.month_start,
            coalesce(costs.channel, channels.channel, 'other') as channel,
            tagged.utm_campaign as campaign,
            costs.cost_usd as spend_usd
        from {{ ref("int_marketing_costs") }} as costs
        left join
            {{ ref("int_entry_channels") }} as channels
            on costs.utm_source = channels.utm_source
            and costs.utm_medium = channels.utm_medium
            and channels.referring_domain = '(none)'
        left join tagged on costs.campaign = tagged.utm_campaign
    ),

    signed_up as (
        select
            signups.signed_up_date as month_start,
            signups.channel,
            touches.utm_campaign as campaign,
            1 as signup_count
        from {{ ref("signups") }} as signups
        left join first_touches as touches on signups.person_id = touches.person_id
    ),

    converted as (
        select
            converted_date as month_start,
            channel,
            utm_campaign as campaign,
            case when model = 'first_touch' then 1 else 0 end as first_touch_conversion_count,
            case when model = 'last_touch' then 1 else 0 end as last_touch_conversion_count,
            case when model = 'linear' then {{ exact("weight") }} else 0 end as linear_conversions
        from {{ ref("attribution") }}
    ),

    cohorts as (
        select
            billing.first_paid_at as month_start,
            coalesce(touches.channel, signups.channel, '(no sign-up)') as channel,
            touches.utm_campaign as campaign,
            1 as new_customer_count,
            case when billing.is_mature_6m then 1 else 0 end as matured_customer_count,
            case
                when billing.is_mature_6m and billing.has_churned_6m then 1 else 0
            end as churned_6m_count
        from {{ ref("int_account_billing") }} as billing
        left join
            {{ ref("int_account_creators") }} as creators
            on billing.account_id = creators.account_id
        left join {{ ref("signups") }} as signups on creators.signup_id = signups.signup_id
        left join first_touches as touches on creators.person_id = touches.person_id
    ),

    facts as (
        {% for source, own in facts.items() %}
            select
                cast(date_trunc('month', month_start) as date) as month_start,
                channel,
                coalesce(campaign, '(none)') as campaign,
                {% for measure in measures %}
                    {% if measure in own %} {{ measure }}
                    {% else %} 0
                    {% endif %} as {{ measure }}
                    {% if not loop.last %},{% endif %}
                {% endfor %}
            from {{ source }}
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    ),

    summed as (
        select
            month_start,
            channel,
            campaign,
            {% for measure in measures %}
                sum({{ measure }}) as {{ measure }} {% if not loop.last %},{% endif %}
            {% endfor %}
        from facts
        group by month_start, channel, campaign
    )

select
    summed.month_start,
    summed.channel,
    summed.campaign,
    cast(coalesce(summed.spend_usd, 0) as decimal(18, 2)) as spend_usd,
    {{ date_plus_days("summed.month_start", 61) }} <= cast(clock.as_of as date) as is_spend_final,
    {% for count in counts %} cast(summed.{{ count }} as bigint) as {{ count }}, {% endfor %}
    {{ from_exact("summed.linear_conversions") }} as linear_conversions,
    {% for model in ["first", "last"] %}
        cast(
            nullif(summed.spend_usd, 0)
            / nullif(summed.{{ model }}_touch_conversion_count, 0) as {{ type_double() }}
        ) as {{ model }}_touch_cac_usd,
    {% endfor %}
    cast(
        summed.churned_6m_count / nullif(summed.matured_customer_count, 0) as {{ type_double() }}
    ) as cohort_churn_6m
from summed
cross join {{ ref("int_clock") }} as clock
