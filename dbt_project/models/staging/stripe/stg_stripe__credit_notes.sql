with source as (select * from {{ source("stripe", "credit_notes") }})

select
    id as credit_note_id,
    invoice as invoice_id,
    customer as customer_id,
    status,
    reason,
    upper(currency) as currency_code,
    cast(total / 100 as decimal(18, 2)) as total_amount,
    {{ utc("created") }} as created_at
from source
