-- From when on a subscription's item had which quantity and price: each invoice line tells it from
-- its period's beginning, and the item itself where no invoice is known.
with
    lines as (
        select
            lines.subscription_item_id,
            lines.subscription_id,
            lines.price_id,
            lines.quantity,
            lines.unit_amount,
            lines.currency_code,
            lines.period_started_at,
            lines.period_ends_at,
            row_number() over (
                partition by lines.subscription_item_id, lines.period_started_at
                order by invoices.created_at desc, lines.invoice_id desc, lines.line_id desc
            ) as recency
        from {{ ref("stg_stripe__invoice_lines") }} as lines
        inner join
            {{ ref("stg_stripe__invoices") }} as invoices on lines.invoice_id = invoices.invoice_id
        cross join {{ ref("int_clock") }} as clock
        where
            lines.subscription_item_id is not null
            and lines.quantity is not null
            and invoices.status not in ('draft', 'void')
            and lines.period_started_at <= clock.as_of
            -- Of a change within a period one proration takes the old quantity back.
            and not (lines.is_proration and lines.amount < 0)
    ),

    items as (select * from {{ ref("stg_stripe__subscription_items") }}),

    invoiced as (
        select subscription_item_id, max(period_ends_at) as last_period_ends_at
        from lines
        group by subscription_item_id
    ),

    steps as (
        select
            lines.subscription_item_id,
            lines.subscription_id,
            lines.price_id,
            lines.quantity,
            lines.unit_amount,
            lines.currency_code,
            lines.period_started_at,
            -- Taken out of its subscription, it was paid for until the end of its last period.
            case
                when items.subscription_item_id is null then invoiced.last_period_ends_at
            end as removed_at
        from lines
        inner join invoiced on lines.subscription_item_id = invoiced.subscription_item_id
        left join items on lines.subscription_item_id = items.subscription_item_id
        where lines.recency = 1
        union all
        select
            items.subscription_item_id,
            items.subscription_id,
            items.price_id,
            items.quantity,
            prices.unit_amount,
            prices.currency_code,
            items.period_started_at,
            null as removed_at
        from items
        left join invoiced on items.subscription_item_id = invoiced.subscription_item_id
        left join {{ ref("stg_stripe__prices") }} as prices on items.price_id = prices.price_id
        where invoiced.subscription_item_id is null and items.quantity is not null
    )

select
    steps.*,
    row_number() over (
        partition by steps.subscription_item_id order by steps.period_started_at
    ) as place,
    cast(
        round(
            {{
                monthly_amount(
                    "steps.quantity * steps.unit_amount",
                    "prices.billing_interval",
                    "prices.interval_count",
                )
            }},
            2
        ) as decimal(18, 2)
    ) as mrr_usd
from steps
left join {{ ref("stg_stripe__prices") }} as prices on steps.price_id = prices.price_id
where steps.currency_code = 'USD'
