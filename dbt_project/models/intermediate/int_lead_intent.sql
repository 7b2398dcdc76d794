-- The pages of the seed lead_intent_pages that people of an account looked at, from 30 days before
-- its sign-up until its rules of use are over.
with
    spans as (
        select
            account_id,
            signed_up_at,
            {{ later_bucket("signed_up_at", -30, "day") }} as seen_from,
            signed_up_at + rules.longest_days * interval '1 day' as seen_until
        from {{ ref("int_account_creators") }}
        cross join
            (select max(within_days) as longest_days from {{ ref("activation_rules") }}) as rules
    )

select
    spans.account_id,
    events.page_path,
    count(*) as view_count,
    min(events.occurred_at) as first_seen_at,
    max(pages.intent) as intent
from {{ ref("int_events") }} as events
inner join {{ ref("lead_intent_pages") }} as pages on events.page_path = pages.page_path
inner join {{ ref("int_identified_ids") }} as ids on events.distinct_id = ids.distinct_id
inner join
    spans
    on ids.account_id = spans.account_id
    and events.occurred_at >= spans.seen_from
    and events.occurred_at <= spans.seen_until
where not ids.is_internal
group by spans.account_id, events.page_path
