-- What each account that ever paid pays now, since when, and when it stopped.
with
    first_terms as (
        select
            account_id,
            min(started_at) as first_paid_at,
            case when count(*) = count(ended_at) then max(ended_at) end as churned_at
        from {{ ref("int_subscription_terms") }}
        where mrr_usd > 0
        group by account_id
    ),

    now_paid as (
        select
            account_id,
            cast(sum(seat_count) as bigint) as seat_count,
            cast(sum(mrr_usd) as decimal(18, 2)) as mrr_usd
        from {{ ref("int_subscription_terms") }}
        where ended_at is null and mrr_usd > 0
        group by account_id
    )

select
    first_terms.account_id,
    first_terms.first_paid_at,
    first_terms.churned_at,
    -- Half a year is 182 days, as long for who first paid in February as for who did in July.
    {{ later_bucket("first_terms.first_paid_at", 182, "day") }} <= clock.as_of as is_mature_6m,
    coalesce(
        first_terms.churned_at <= {{ later_bucket("first_terms.first_paid_at", 182, "day") }}, false
    ) as has_churned_6m,
    coalesce(now_paid.seat_count, 0) as seat_count,
    coalesce(now_paid.mrr_usd, 0) as mrr_usd
from first_terms
cross join {{ ref("int_clock") }} as clock
left join now_paid on first_terms.account_id = now_paid.account_id
