with source as (select * from {{ source("stripe", "prices") }})

select
    id as price_id,
    nickname as price_name,
    upper(currency) as currency_code,
    try_cast(unit_amount_decimal as {{ type_double() }}) / 100 as unit_amount,
    {{ adapter.quote("interval") }} as billing_interval,
    interval_count
from source
