with
    months as (
        select account_id as customer, position, month_start, mrr_usd as mrr, seat_count
        from {{ ref("int_account_months") }}
    ),

    moved as ({{ mrr_movements("months") }})

select
    months.month_start,
    months.customer as account_id,
    moved.movement,
    cast(months.mrr - coalesce(moved.change, 0) as decimal(18, 2)) as opening_mrr_usd,
    {% for movement in ["new", "reactivation", "expansion", "contraction", "churn"] %}
        cast(
            case when moved.movement = '{{ movement }}' then moved.change else 0 end as decimal(
                18, 2
            )
        ) as {{ movement }}_mrr_usd,
    {% endfor %}
    cast(months.mrr as decimal(18, 2)) as closing_mrr_usd,
    months.seat_count,
    {{ later_bucket("months.month_start", 1, "month") }} <= clock.as_of as is_complete
from months
cross join {{ ref("int_clock") }} as clock
left join moved on months.customer = moved.customer and months.position = moved.position
where months.mrr > 0 or moved.movement is not null
