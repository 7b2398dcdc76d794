with source as (select * from {{ source("stripe", "invoices") }})

select
    id as invoice_id,
    customer as customer_id,
    subscription as subscription_id,
    number as invoice_number,
    status,
    billing_reason,
    upper(currency) as currency_code,
    cast(total / 100 as decimal(18, 2)) as total_amount,
    cast(amount_paid / 100 as decimal(18, 2)) as paid_amount,
    {{ utc("created") }} as created_at,
    {{ utc("paid_at") }} as paid_at
from source
where not coalesce(is_deleted, false)
