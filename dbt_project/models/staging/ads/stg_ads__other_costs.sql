with source as (select * from {{ source("ads", "other_costs") }})

select
    spreadsheet_id as account_id,
    lower(trim(channel)) as channel,
    month as month_start,
    cost_usd as cost_text,
    'USD' as currency_code,
    try_cast(cost_usd as decimal(18, 2)) as cost_usd
from source
