with source as (select * from {{ source("stripe", "subscriptions") }})

select
    id as subscription_id,
    customer as customer_id,
    status,
    upper(currency) as currency_code,
    {{ utc("start_date") }} as started_at,
    {{ utc("trial_end") }} as trial_ends_at,
    {{ utc("canceled_at") }} as canceled_at,
    {{ utc("ended_at") }} as ended_at
from source
