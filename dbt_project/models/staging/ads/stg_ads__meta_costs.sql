with source as (select * from {{ source("ads", "meta_costs") }})

select
    account_id,
    campaign_id,
    campaign_name,
    month as month_start,
    spend as cost_text,
    account_currency as currency_code,
    case when account_currency = 'USD' then try_cast(spend as decimal(18, 2)) end as cost_usd
from source
