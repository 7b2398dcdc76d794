-- What customers wrote to support, ticket or conversation: the first of it, or what they
-- answered where we wrote first.
with
    tickets as (
        select
            'zendesk' as source,
            tickets.ticket_id as vendor_id,
            tickets.created_at as occurred_at,
            requesters.person_id,
            coalesce(requesters.account_id, customers.account_id) as account_id,
            coalesce(requesters.is_internal, false) as is_internal,
            cast(null as {{ dbt.type_string() }}) as project_id,
            -- Tools make a subject of the text's beginning where nobody typed one.
            coalesce(nullif(trim(tickets.body), ''), tickets.subject) as text
        from {{ ref("stg_zendesk__tickets") }} as tickets
        left join
            {{ ref("int_requesters") }} as requesters
            on requesters.source = 'zendesk'
            and tickets.requester_id = requesters.requester_id
        left join
            {{ ref("int_tool_customers") }} as customers
            on customers.source = 'zendesk'
            and tickets.organization_id = customers.customer_id
        where not tickets.is_deleted and not tickets.is_our_follow_up
    ),

    conversations as (
        select
            'intercom' as source,
            conversations.conversation_id as vendor_id,
            case
                when conversations.is_begun_by_us
                then conversations.first_customer_reply_at
                else conversations.created_at
            end as occurred_at,
            requesters.person_id,
            coalesce(requesters.account_id, customers.account_id) as account_id,
            coalesce(requesters.is_internal, false) as is_internal,
            null as project_id,
            case
                when conversations.is_begun_by_us
                then conversations.replies
                else coalesce(nullif(trim(conversations.body), ''), conversations.subject)
            end as text
        from {{ ref("stg_intercom__conversations") }} as conversations
        left join
            {{ ref("int_requesters") }} as requesters
            on requesters.source = 'intercom'
            and conversations.contact_id = requesters.requester_id
        left join
            {{ ref("int_tool_customers") }} as customers
            on customers.source = 'intercom'
            and conversations.company_id = customers.customer_id
        where not conversations.is_deleted
    )

select *
from tickets
union all
select *
from conversations
