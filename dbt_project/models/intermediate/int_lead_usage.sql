-- What the seed activation_rules asks of an account after its sign-up, and when each was met.
with
    uses as (
        select
            creators.account_id,
            rules.event_name,
            rules.at_least,
            events.occurred_at,
            row_number() over (
                partition by creators.account_id, rules.event_name
                order by events.occurred_at, events.event_id
            ) as place
        from {{ ref("int_events") }} as events
        inner join {{ ref("activation_rules") }} as rules on events.event_name = rules.event_name
        inner join {{ ref("int_identified_ids") }} as ids on events.distinct_id = ids.distinct_id
        inner join
            {{ ref("int_account_creators") }} as creators
            on coalesce(events.account_key, ids.account_id) = creators.account_id
            and events.occurred_at >= creators.signed_up_at
            and events.occurred_at <= creators.signed_up_at + rules.within_days * interval '1 day'
        where not ids.is_internal
    )

select
    account_id,
    event_name,
    max(at_least) as at_least,
    count(*) as use_count,
    min(case when place = at_least then occurred_at end) as met_at
from uses
group by account_id, event_name
