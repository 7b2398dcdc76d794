-- Everything customers said in words, from every channel that has text, in one shape. The text is
-- redacted: in staging, and here what people wrote into open questions of surveys.
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
        where not tickets.is_deleted
    ),

    conversations as (
        select
            'intercom' as source,
            conversations.conversation_id as vendor_id,
            conversations.created_at as occurred_at,
            requesters.person_id,
            coalesce(requesters.account_id, customers.account_id) as account_id,
            coalesce(requesters.is_internal, false) as is_internal,
            null as project_id,
            coalesce(nullif(trim(conversations.body), ''), conversations.subject) as text
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
    ),

    needs as (
        select
            'linear' as source,
            needs.need_id as vendor_id,
            needs.created_at as occurred_at,
            null as person_id,
            customers.account_id,
            false as is_internal,
            coalesce(needs.project_id, issues.project_id) as project_id,
            needs.body as text
        from {{ ref("stg_linear__customer_needs") }} as needs
        left join {{ ref("stg_linear__issues") }} as issues on needs.issue_id = issues.issue_id
        left join
            {{ ref("int_tool_customers") }} as customers
            on customers.source = 'linear'
            and needs.customer_id = customers.customer_id
        where not needs.is_archived
    ),

    lost_deals as (
        select
            'hubspot' as source,
            deals.deal_id as vendor_id,
            coalesce(deals.close_date_at, deals.updated_at) as occurred_at,
            null as person_id,
            accounts.account_id,
            false as is_internal,
            null as project_id,
            deals.closed_lost_reason as text
        from {{ ref("int_live_deals") }} as deals
        inner join
            {{ ref("stg_hubspot__pipeline_stages") }} as stages
            on deals.pipeline_id = stages.pipeline_id
            and deals.stage_id = stages.stage_id
        left join {{ ref("int_deal_accounts") }} as accounts on deals.deal_id = accounts.deal_id
        where stages.object_type = 'deals' and stages.is_closed and stages.probability = 0
    ),

    every_item as (
        select *
        from tickets
        union all
        select *
        from conversations
        union all
        select *
        from needs
        union all
        select *
        from lost_deals
        union all
        select
            source,
            vendor_id,
            occurred_at,
            person_id,
            account_id,
            is_internal,
            null as project_id,
            text
        from {{ ref("int_survey_comments") }}
    )

select
    source || ':' || vendor_id as item_id,
    source,
    vendor_id,
    occurred_at,
    person_id,
    account_id,
    project_id,
    trim(text) as text
from every_item
where not is_internal and occurred_at is not null and trim(text) <> ''
