-- One row per stretch in which an item of a subscription brought in the same: from the start of the
-- subscription (before its first line as that says) until it ended. A trial brings in nothing.
with
    paid as (
        select
            subscription_id,
            customer_id,
            greatest(started_at, coalesce(trial_ends_at, started_at)) as paid_from,
            ended_at
        from {{ ref("stg_stripe__subscriptions") }}
        where status not in ('incomplete', 'incomplete_expired')
    ),

    placed as (
        select
            steps.subscription_item_id,
            steps.subscription_id,
            paid.customer_id,
            steps.quantity,
            steps.mrr_usd,
            least(
                coalesce(paid.ended_at, steps.removed_at), coalesce(steps.removed_at, paid.ended_at)
            ) as ended_at,
            case
                when steps.place = 1
                then paid.paid_from
                else greatest(steps.period_started_at, paid.paid_from)
            end as started_at,
            steps.place
        from {{ ref("int_subscription_steps") }} as steps
        inner join paid on steps.subscription_id = paid.subscription_id
        cross join {{ ref("int_clock") }} as clock
        where paid.paid_from <= clock.as_of
    ),

    -- A renewal that changes nothing begins no new stretch.
    compared as (
        select
            *,
            lag(quantity) over (
                partition by subscription_item_id order by place
            ) as quantity_before,
            lag(mrr_usd) over (partition by subscription_item_id order by place) as mrr_before
        from placed
    ),

    changes as (
        select
            *,
            lead(started_at) over (
                partition by subscription_item_id order by place
            ) as next_started_at
        from compared
        where quantity_before is null or quantity <> quantity_before or mrr_usd <> mrr_before
    ),

    stretches as (
        select
            *,
            least(
                coalesce(next_started_at, ended_at), coalesce(ended_at, next_started_at)
            ) as stretch_ended_at
        from changes
    )

select
    stretches.subscription_item_id || ' ' || cast(stretches.place as varchar) as term_id,
    customers.account_id,
    stretches.customer_id,
    stretches.subscription_id,
    stretches.subscription_item_id,
    stretches.started_at,
    stretches.stretch_ended_at as ended_at,
    stretches.quantity as seat_count,
    stretches.mrr_usd
from stretches
inner join
    {{ ref("int_billing_customers") }} as customers on stretches.customer_id = customers.customer_id
where stretches.stretch_ended_at is null or stretches.stretch_ended_at > stretches.started_at
