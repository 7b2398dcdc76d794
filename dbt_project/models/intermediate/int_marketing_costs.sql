-- What each campaign cost in a month. An ad's visits carry its platform as utm_source and cpc as
-- utm_medium, so the rules that name the channel of a visit also name that of its costs.
with
    costs as (
        {% for platform, utm_source in [
            ("google", "google"),
            ("linkedin", "linkedin"),
            ("meta", "facebook"),
        ] %}
            select
                '{{ platform }}' as platform,
                account_id,
                campaign_id as cost_key,
                {% if platform == "linkedin" %} null
                {% else %} lower(campaign_name)
                {% endif %} as campaign,
                null as channel,
                '{{ utm_source }}' as utm_source,
                'cpc' as utm_medium,
                month_start,
                currency_code,
                cost_text,
                cost_usd
            from {{ ref("stg_ads__" ~ platform ~ "_costs") }}
            union all
        {% endfor %}
        select
            'other' as platform,
            account_id,
            channel as cost_key,
            null as campaign,
            channel,
            null as utm_source,
            null as utm_medium,
            month_start,
            currency_code,
            cost_text,
            cost_usd
        from {{ ref("stg_ads__other_costs") }}
    )

select
    platform,
    account_id,
    cost_key,
    month_start,
    channel,
    campaign,
    utm_source,
    utm_medium,
    currency_code,
    cost_text,
    cost_usd
from costs
