with source as (select * from {{ source("ads", "linkedin_costs") }})

select
    account_id,
    campaign_urn as campaign_id,
    month as month_start,
    cost_in_usd as cost_text,
    'USD' as currency_code,
    try_cast(cost_in_usd as decimal(18, 2)) as cost_usd
from source
