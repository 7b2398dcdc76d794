-- Accounts that did all that the seed activation_rules asks for, soon enough after the sign-up.
with
    uses as (
        select creators.account_id, rules.event_name, rules.at_least, count(*) as use_count
        from {{ ref("int_events") }} as events
        inner join {{ ref("activation_rules") }} as rules on events.event_name = rules.event_name
        inner join {{ ref("int_identified_ids") }} as ids on events.distinct_id = ids.distinct_id
        inner join
            {{ ref("int_account_creators") }} as creators
            on coalesce(events.account_key, ids.account_id) = creators.account_id
            and events.occurred_at >= creators.signed_up_at
            and events.occurred_at <= creators.signed_up_at + rules.within_days * interval '1 day'
        where not ids.is_internal
        group by creators.account_id, rules.event_name, rules.at_least
    ),

    met as (
        select account_id, count(*) as rule_count
        from uses
        where use_count >= at_least
        group by account_id
    ),

    asked as (select count(*) as rule_count from {{ ref("activation_rules") }})

select met.account_id
from met
inner join asked on met.rule_count = asked.rule_count
