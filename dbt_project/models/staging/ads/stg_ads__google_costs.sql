with source as (select * from {{ source("ads", "google_costs") }})

select
    customer_id as account_id,
    campaign_id,
    campaign_name,
    month as month_start,
    cost_micros as cost_text,
    currency_code,
    case
        when currency_code = 'USD'
        then cast(try_cast(cost_micros as decimal(28, 0)) / 1000000 as decimal(18, 2))
    end as cost_usd
from source
