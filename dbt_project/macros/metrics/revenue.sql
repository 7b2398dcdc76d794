{#- What a change of a customer's MRR is. had_revenue: whether the customer ever paid before. -#}
{% macro mrr_movement(before, after, had_revenue) -%}
    case
        when coalesce({{ before }}, 0) = 0 and coalesce({{ after }}, 0) > 0
        then case when {{ had_revenue }} then 'reactivation' else 'new' end
        when coalesce({{ before }}, 0) > 0 and coalesce({{ after }}, 0) = 0
        then 'churn'
        when {{ after }} > {{ before }}
        then 'expansion'
        when {{ after }} < {{ before }}
        then 'contraction'
    end
{%- endmacro %}

{#- (customer, position, movement, change, mrr): what each period's MRR is against the one before, a
    row where it moved. relation: (customer, position, mrr), every position of a customer present,
    those without revenue as 0. -#}
{% macro mrr_movements(relation) -%}
    with
        neighbours as (
            select
                customer,
                position,
                mrr,
                coalesce(lag(mrr) over (partition by customer order by position), 0) as mrr_before,
                coalesce(
                    max(mrr) over (
                        partition by customer order by position
                        rows between unbounded preceding and 1 preceding
                    ),
                    0
                )
                > 0 as had_revenue
            from {{ relation }}
        )

    select
        customer,
        position,
        {{ mrr_movement("mrr_before", "mrr", "had_revenue") }} as movement,
        mrr - mrr_before as change,
        mrr
    from neighbours
    where mrr <> mrr_before
{%- endmacro %}

{#- (customer, position, mrr): MRR after each change of a subscription, each change being the amount a
    subscription pays from then on for so many months. relation: (customer, position, subscription,
    amount, interval_months). -#}
{% macro mrr_by_change(relation) -%}
    select
        now.customer,
        now.position,
        sum(then.amount * 1.0 / then.interval_months) as mrr
    from {{ relation }} as now
    inner join
        (
            select
                *,
                lead(position) over (partition by customer, subscription order by position) as position_after
            from {{ relation }}
        ) as then
        on now.customer = then.customer
        and then.position <= now.position
        and (then.position_after is null or then.position_after > now.position)
    group by now.customer, now.position
{%- endmacro %}

{#- (position, total): MRR as the running sum of its movements. relation: (position, new,
    reactivation, expansion, contraction, churn), the last two negative. -#}
{% macro mrr_bridge(relation) -%}
    select
        position,
        sum(new + reactivation + expansion + contraction + churn) over (
            order by position rows between unbounded preceding and current row
        ) as total
    from {{ relation }}
{%- endmacro %}

{#- Rates of periods: columns of a select over (start_mrr, new, reactivation, expansion, contraction,
    churn), the last two negative. Null where nothing was there or nothing was lost. -#}
{% macro mrr_rates() -%}
    -(churn + contraction) * 1.0 / nullif(start_mrr, 0) as gross_mrr_churn,
    -(churn + contraction + expansion + reactivation) * 1.0 / nullif(start_mrr, 0) as net_mrr_churn,
    least(1.0, 1.0 + (churn + contraction) * 1.0 / nullif(start_mrr, 0)) as gross_revenue_retention,
    (start_mrr + expansion + contraction + churn) * 1.0 / nullif(start_mrr, 0) as net_revenue_retention,
    (new + expansion + reactivation) * 1.0 / nullif(-(contraction + churn), 0) as quick_ratio
{%- endmacro %}
