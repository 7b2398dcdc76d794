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
                        partition by customer
                        order by position
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
    -- Less than half a cent is what fractions leave, and no movement.
    where abs(mrr - mrr_before) >= 0.005
{%- endmacro %}

{#- (customer, position, mrr): MRR after each change of a subscription, each change being the amount a
    subscription pays from then on for so many months. relation: (customer, position, subscription,
    amount, interval_months). -#}
{% macro mrr_by_change(relation) -%}
    with
        changes as (
            select
                *,
                lead(position) over (
                    partition by customer, subscription order by position
                ) as position_after
            from {{ relation }}
        )

    select
        moments.customer,
        moments.position,
        sum(changes.amount * 1.0 / changes.interval_months) as mrr
    from (select distinct customer, position from changes) as moments
    inner join
        changes
        on moments.customer = changes.customer
        and changes.position <= moments.position
        and (changes.position_after is null or changes.position_after > moments.position)
    group by moments.customer, moments.position
{%- endmacro %}

{#- (position, total): MRR as what the first period starts with and the running sum of its movements.
    relation: (position, start_mrr, new, reactivation, expansion, contraction, churn), the last two
    negative. -#}
{% macro mrr_bridge(relation) -%}
    select
        position,
        first_value(start_mrr) over (order by position)
        + sum(new + reactivation + expansion + contraction + churn) over (
            order by position rows between unbounded preceding and current row
        ) as total
    from {{ relation }}
{%- endmacro %}

{#- Rates of periods: columns of a select over (start_mrr, new, reactivation, expansion, contraction,
    churn), the last two negative. Null where nothing was there or nothing was lost. -#}
{% macro mrr_rates() -%}
    - (churn + contraction) * 1.0 / nullif(start_mrr, 0) as gross_mrr_churn,
    - (churn + contraction + expansion + reactivation)
    * 1.0
    / nullif(start_mrr, 0) as net_mrr_churn,
    -- `least` passes over a null.
    case
        when start_mrr <> 0 then least(1.0, 1.0 + (churn + contraction) * 1.0 / start_mrr)
    end as gross_revenue_retention,
    (start_mrr + expansion + contraction + churn)
    * 1.0
    / nullif(start_mrr, 0) as net_revenue_retention,
    (new + expansion + reactivation) * 1.0 / nullif(- (contraction + churn), 0) as quick_ratio
{%- endmacro %}

{#- An amount that is paid every so many intervals, as one a month: a year has 12 months and 52 weeks. -#}
{% macro monthly_amount(amount, interval, interval_count) -%}
    (
        {{ amount }} * case
            {{ interval }}
            when 'year'
            then 1.0 / 12
            when 'week'
            then 52.0 / 12
            when 'day'
            then 365.0 / 12
            else 1.0
        end
        / coalesce({{ interval_count }}, 1)
    )
{%- endmacro %}

{#- (customer, position, mrr): MRR of each month from the first start on to a month after the last end,
    0 where nothing is paid. relation: (customer, subscription, starts_on, ends_on, mrr), ends_on the day
    from which nothing is paid, null while it runs. rule: a subscription counts in a month if it is
    active at its `end` or on its `start`, the first day. grace_days: a gap of at most so many days
    between two subscriptions of a customer is no gap. last_month: the month to go on until, a date in
    SQL, where the present is known. -#}
{% macro mrr_by_month(relation, rule="end", grace_days=0, last_month=none) -%}
    with
        subscriptions as (
            select
                customer,
                subscription,
                cast(starts_on as date) as starts_on,
                cast(ends_on as date) as ends_on,
                mrr,
                lead(cast(starts_on as date)) over (
                    partition by customer order by cast(starts_on as date), subscription
                ) as next_starts_on
            from {{ relation }}
        ),

        bridged as (
            select
                customer,
                starts_on,
                case
                    when
                        next_starts_on > ends_on
                        and next_starts_on <= {{ date_plus_days("ends_on", grace_days) }}
                    then next_starts_on
                    else ends_on
                end as ends_on,
                mrr
            from subscriptions
        ),

        bounds as (
            select
                date_trunc('month', min(starts_on)) as first_month,
                {% if last_month %} {{ last_month }}
                {% else %}
                    greatest(
                        {{ later_bucket("date_trunc('month', max(ends_on))", 1, "month") }},
                        date_trunc('month', max(starts_on))
                    )
                {% endif %} as last_month
            from bridged
        ),

        months as (
            select month, row_number() over (order by month) - 1 as position
            from
                (
                    select
                        {{ later_bucket("first_month", "numbers.number", "month") }} as month,
                        last_month
                    from bounds
                    cross join ({{ numbers(1200) }}) as numbers
                ) as candidates
            where month <= last_month
        ),

        customers as (select distinct customer from bridged)

    select customers.customer, months.position, months.month, coalesce(sum(bridged.mrr), 0) as mrr
    from customers
    cross join months
    left join
        bridged on customers.customer = bridged.customer
        {% if rule == "start" %}
            and bridged.starts_on <= months.month
            and (bridged.ends_on is null or bridged.ends_on > months.month)
        {% else %}
            and bridged.starts_on < {{ later_bucket("months.month", 1, "month") }}
            and (
                bridged.ends_on is null
                or bridged.ends_on >= {{ later_bucket("months.month", 1, "month") }}
            )
        {% endif %}
    group by customers.customer, months.position, months.month
{%- endmacro %}

{#- An aggregate: the MRR of terms (mrr_usd, started_at, ended_at) that run on a date. -#}
{% macro mrr_on(terms, date) -%}
    coalesce(
        sum(
            case
                when
                    {{ terms }}.started_at <= {{ date }}
                    and coalesce({{ terms }}.ended_at > {{ date }}, true)
                then {{ terms }}.mrr_usd
            end
        ),
        0
    )
{%- endmacro %}
