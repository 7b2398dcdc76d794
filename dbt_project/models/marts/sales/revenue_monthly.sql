-- Sums of mrr_movements. MRR is what the movements add up to; that it also is the sum of what the
-- accounts pay is expected of the published table.
with
    totals as (
        select
            month_start,
            row_number() over (order by month_start) - 1 as position,
            sum(opening_mrr_usd) as start_mrr,
            sum(new_mrr_usd) as new,
            sum(reactivation_mrr_usd) as reactivation,
            sum(expansion_mrr_usd) as expansion,
            sum(contraction_mrr_usd) as contraction,
            sum(churn_mrr_usd) as churn,
            count(case when closing_mrr_usd > 0 then 1 end) as paying_account_count,
            count(case when opening_mrr_usd > 0 then 1 end) as opening_account_count,
            count(case when movement in ('new', 'reactivation') then 1 end) as won_account_count,
            count(case when movement = 'churn' then 1 end) as churned_account_count,
            cast(sum(seat_count) as bigint) as seat_count
        from {{ ref("mrr_movements") }}
        group by month_start
    ),

    bridge as ({{ mrr_bridge("totals") }}),

    rates as (select month_start, {{ mrr_rates() }} from totals)

select
    totals.month_start,
    cast(totals.start_mrr as decimal(18, 2)) as opening_mrr_usd,
    {% for movement in ["new", "reactivation", "expansion", "contraction", "churn"] %}
        cast(totals.{{ movement }} as decimal(18, 2)) as {{ movement }}_mrr_usd,
    {% endfor %}
    cast(bridge.total as decimal(18, 2)) as mrr_usd,
    cast(12 * bridge.total as decimal(18, 2)) as arr_usd,
    cast(rates.net_revenue_retention as {{ type_double() }}) as net_revenue_retention,
    cast(rates.gross_revenue_retention as {{ type_double() }}) as gross_revenue_retention,
    cast(rates.gross_mrr_churn as {{ type_double() }}) as gross_mrr_churn,
    cast(rates.net_mrr_churn as {{ type_double() }}) as net_mrr_churn,
    cast(
        totals.churned_account_count
        * 1.0
        / nullif(totals.opening_account_count, 0) as {{ type_double() }}
    ) as logo_churn,
    cast(rates.quick_ratio as {{ type_double() }}) as quick_ratio,
    cast(bridge.total / nullif(totals.paying_account_count, 0) as {{ type_double() }}) as arpa_usd,
    totals.paying_account_count,
    totals.opening_account_count,
    totals.won_account_count,
    totals.churned_account_count,
    totals.seat_count,
    {{ later_bucket("totals.month_start", 1, "month") }} <= clock.as_of as is_complete
from totals
cross join {{ ref("int_clock") }} as clock
inner join bridge on totals.position = bridge.position
inner join rates on totals.month_start = rates.month_start
