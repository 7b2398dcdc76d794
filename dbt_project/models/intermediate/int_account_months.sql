-- MRR and seats of each account that ever paid in each month, the running one as it is now. When a
-- month counts and which gaps are none is set by mrr_month_rule and mrr_grace_days.
{% set settings = {
    "rule": var("mrr_month_rule"),
    "grace_days": var("mrr_grace_days"),
    "last_month": "(select date_trunc('month', as_of) from " ~ ref("int_clock") ~ ")",
} %}
with
    money_terms as (
        select
            account_id as customer,
            term_id as subscription,
            started_at as starts_on,
            ended_at as ends_on,
            mrr_usd as mrr
        from {{ ref("int_subscription_terms") }}
        where mrr_usd > 0
    ),

    seat_terms as (
        select
            account_id as customer,
            term_id as subscription,
            started_at as starts_on,
            ended_at as ends_on,
            seat_count as mrr
        from {{ ref("int_subscription_terms") }}
        where mrr_usd > 0
    ),

    money as ({{ mrr_by_month("money_terms", **settings) }}),

    seats as ({{ mrr_by_month("seat_terms", **settings) }})

select
    money.customer as account_id,
    money.position,
    cast(money.month as date) as month_start,
    cast(money.mrr as decimal(18, 2)) as mrr_usd,
    cast(seats.mrr as bigint) as seat_count
from money
inner join seats on money.customer = seats.customer and money.position = seats.position
