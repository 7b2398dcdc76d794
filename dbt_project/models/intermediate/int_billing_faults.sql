-- Bills that no number can use, or only in part, as core.quarantine lists them.
-- What is paid back has a credit note; without one a minus is a slip.
select
    'invoices' as table_name,
    invoices.invoice_id as row_key,
    'total' as column_name,
    'negative without a credit note' as reason,
    'amount ignored, its lines still tell the seats' as consequence
from {{ ref("stg_stripe__invoices") }} as invoices
left join
    {{ ref("stg_stripe__credit_notes") }} as notes
    on invoices.invoice_id = notes.invoice_id
    and notes.status <> 'void'
where invoices.total_amount < 0 and notes.invoice_id is null
union all
select
    'invoice_lines' as table_name,
    invoice_id || ' ' || line_id as row_key,
    'currency' as column_name,
    'not in US dollars' as reason,
    'not in MRR' as consequence
from {{ ref("stg_stripe__invoice_lines") }}
where subscription_item_id is not null and currency_code <> 'USD'
