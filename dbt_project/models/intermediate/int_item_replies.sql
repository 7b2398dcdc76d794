-- When somebody of ours last spoke to who had said an item of feedback, where that can be known: in
-- the conversation, in the ticket, or in a ticket that took a closed one up again.
with
    replies as (
        select 'intercom:' || conversation_id as item_id, last_replied_at as replied_at
        from {{ ref("stg_intercom__conversations") }}
        where not is_deleted
        union all
        select 'zendesk:' || ticket_id as item_id, last_replied_at as replied_at
        from {{ ref("stg_zendesk__tickets") }}
        where not is_deleted
        union all
        select 'zendesk:' || follows_ticket_id as item_id, created_at as replied_at
        from {{ ref("stg_zendesk__tickets") }}
        where is_our_follow_up and not is_deleted
    )

select item_id, max(replied_at) as last_replied_at
from replies
group by item_id
