-- What each account was when (a slowly changing dimension of type 2): one row per stretch in
-- which it
-- paid the same for the same seats, the first from when any source knew it. From dated records
-- only,
-- never from snapshots, so that however nights fell the history is the same.
with
    records as (
        select account_id, first_seen_at as known_at
        from {{ ref("accounts") }}
        where first_seen_at is not null
        union all
        select account_id, created_at as known_at
        from {{ ref("int_companies") }}
        where created_at is not null and not is_merged and not is_archived
        union all
        select account_id, started_at as known_at
        from {{ ref("int_subscription_terms") }}
    ),

    changes as (
        select account_id, started_at as changed_at, mrr_usd, seat_count
        from {{ ref("int_subscription_terms") }}
        where mrr_usd > 0
        union all
        select account_id, ended_at as changed_at, - mrr_usd as mrr_usd, - seat_count as seat_count
        from {{ ref("int_subscription_terms") }}
        where mrr_usd > 0 and ended_at is not null
        union all
        select account_id, min(known_at) as changed_at, 0 as mrr_usd, 0 as seat_count
        from records
        group by account_id
    ),

    moments as (
        select account_id, changed_at, sum(mrr_usd) as mrr_change, sum(seat_count) as seat_change
        from changes
        group by account_id, changed_at
    ),

    states as (
        select
            account_id,
            changed_at,
            sum(mrr_change) over (partition by account_id order by changed_at) as mrr_usd,
            sum(seat_change) over (partition by account_id order by changed_at) as seat_count
        from moments
    ),

    compared as (
        select
            *,
            lag(mrr_usd) over (partition by account_id order by changed_at) as mrr_before,
            lag(seat_count) over (partition by account_id order by changed_at) as seats_before,
            max(case when mrr_usd > 0 then 1 else 0 end) over (
                partition by account_id order by changed_at
            ) as has_paid
        from states
    ),

    stretches as (
        select
            *,
            lead(changed_at) over (partition by account_id order by changed_at) as next_changed_at
        from compared
        where mrr_before is null or mrr_before <> mrr_usd or seats_before <> seat_count
    )

select
    account_id,
    changed_at as valid_from,
    next_changed_at as valid_to,
    next_changed_at is null as is_current,
    case
        when mrr_usd > 0 then 'customer' when has_paid = 1 then 'former_customer' else 'prospect'
    end as relation,
    cast(seat_count as bigint) as paid_seat_count,
    cast(mrr_usd as decimal(18, 2)) as mrr_usd
from stretches
