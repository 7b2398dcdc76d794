-- When somebody of ours last spoke to who had said an item of feedback, where that can be
-- known: in the conversation, in the ticket, or in a ticket that took a closed one up again.
-- Zendesk's export dates the last comment alone: where that is the customer's, ours before it
-- is hidden by it.
with
    replies as (
        select
            'intercom:' || conversation_id as item_id,
            last_replied_at as replied_at,
            cast(null as timestamp) as hidden_at
        from {{ ref("stg_intercom__conversations") }}
        where not is_deleted
        union all
        select
            'zendesk:' || ticket_id as item_id,
            last_replied_at as replied_at,
            case when last_replied_at is null then requester_updated_at end as hidden_at
        from {{ ref("stg_zendesk__tickets") }}
        where not is_deleted
        union all
        select
            'zendesk:' || follows_ticket_id as item_id,
            coalesce(last_replied_at, created_at) as replied_at,
            null as hidden_at
        from {{ ref("stg_zendesk__tickets") }}
        where is_our_follow_up and not is_deleted
    )

select item_id, max(replied_at) as last_replied_at, max(hidden_at) as hidden_at
from replies
group by item_id
