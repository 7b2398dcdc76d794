with source as (select * from {{ source("stripe", "invoice_lines") }})

select
    id as line_id,
    invoice as invoice_id,
    subscription as subscription_id,
    subscription_item as subscription_item_id,
    price as price_id,
    quantity,
    try_cast(unit_amount_decimal as {{ type_double() }}) / 100 as unit_amount,
    cast(amount / 100 as decimal(18, 2)) as amount,
    upper(currency) as currency_code,
    coalesce(is_proration, false) as is_proration,
    {{ utc("period_start") }} as period_started_at,
    {{ utc("period_end") }} as period_ends_at
from source
