-- One row per shipped roadmap item and account that had asked for it or paid when it came: who
-- asked, who of them was told, who took it up, and what they pay. A need belongs to the item
-- it was put under, else to the one of its theme; what an account said on the day itself is
-- not before it.
with
    items as (select * from {{ ref("shipped_items") }}),

    needs as ({{ needs_of_items() }}),

    asked as (
        select
            items.roadmap_item_id,
            needs.account_id,
            count(distinct needs.item_id) as mention_count,
            min(needs.occurred_at) as first_asked_at,
            count(
                distinct case
                    when
                        replies.last_replied_at >= items.shipped_at
                        or coalesce(replies.hidden_at < items.shipped_at, true)
                    then replies.item_id
                end
            ) as thread_count,
            max(
                case
                    when replies.last_replied_at >= items.shipped_at then replies.last_replied_at
                end
            ) as told_at
        from needs
        inner join
            items
            on needs.roadmap_item_id = items.roadmap_item_id
            and needs.occurred_at < items.shipped_date
        left join {{ ref("int_item_replies") }} as replies on needs.item_id = replies.item_id
        where needs.account_id is not null
        group by items.roadmap_item_id, needs.account_id
    ),

    paid as (
        select
            items.roadmap_item_id,
            terms.account_id,
            {{ mrr_on("terms", "items.shipped_date") }} as mrr_usd,
            {{ mrr_on("terms", "items.outcome_date") }} as later_mrr_usd
        from items
        inner join
            {{ ref("int_subscription_terms") }} as terms
            on terms.started_at <= items.outcome_date
            and coalesce(terms.ended_at > items.shipped_date, true)
        group by items.roadmap_item_id, terms.account_id
    ),

    -- Only what is sent at all can be missed.
    uses as (
        select
            items.roadmap_item_id,
            weeks.account_id,
            min(weeks.week_start) < {{ week_start("items.shipped_date") }} as has_used_before,
            min(
                case
                    when weeks.week_start >= {{ week_start("items.shipped_date") }}
                    then weeks.week_start
                end
            ) as first_week
        from items
        inner join
            {{ ref("int_feature_weeks") }} as weeks
            on items.feature_id = weeks.feature_id
            and weeks.week_start < items.outcome_date
        group by items.roadmap_item_id, items.shipped_date, weeks.account_id
    ),

    seen as (select distinct roadmap_item_id from uses),

    accounts as (
        select roadmap_item_id, account_id
        from asked
        union
        select roadmap_item_id, account_id
        from paid
        where mrr_usd > 0
    )

select
    accounts.roadmap_item_id,
    accounts.account_id,
    items.feature_id,
    items.release_tag,
    items.shipped_date,
    coalesce(traits.segment, 'unknown') as segment,
    asked.account_id is not null as has_asked,
    coalesce(asked.mention_count, 0) as mention_count,
    asked.first_asked_at,
    coalesce(asked.thread_count, 0) as thread_count,
    asked.told_at,
    case when asked.thread_count > 0 then asked.told_at is not null end as is_told,
    case
        when seen.roadmap_item_id is not null then coalesce(uses.has_used_before, false)
    end as has_used_before,
    uses.first_week as first_use_week,
    case when seen.roadmap_item_id is not null then uses.first_week is not null end as is_using,
    cast(coalesce(paid.mrr_usd, 0) * 12 as decimal(18, 2)) as arr_usd,
    case
        when items.outcome_date <= clock.last_complete_date
        then cast(coalesce(paid.later_mrr_usd, 0) * 12 as decimal(18, 2))
    end as later_arr_usd
from accounts
inner join items on accounts.roadmap_item_id = items.roadmap_item_id
cross join {{ ref("int_clock") }} as clock
left join
    asked
    on accounts.roadmap_item_id = asked.roadmap_item_id
    and accounts.account_id = asked.account_id
left join
    paid
    on accounts.roadmap_item_id = paid.roadmap_item_id
    and accounts.account_id = paid.account_id
left join
    uses
    on accounts.roadmap_item_id = uses.roadmap_item_id
    and accounts.account_id = uses.account_id
left join seen on accounts.roadmap_item_id = seen.roadmap_item_id
left join {{ ref("int_account_traits") }} as traits on accounts.account_id = traits.account_id
