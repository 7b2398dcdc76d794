with source as (select * from {{ source("stripe", "subscription_items") }})

select
    id as subscription_item_id,
    subscription as subscription_id,
    price as price_id,
    quantity,
    {{ utc("current_period_start") }} as period_started_at,
    {{ utc("current_period_end") }} as period_ends_at
from source
