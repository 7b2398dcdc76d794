with
    source as (select * from {{ source("zendesk", "tickets") }}),

    organizations as (select * from {{ source("zendesk", "organizations") }}),

    pseudonyms as (select * from {{ source("zendesk", "pseudonyms") }}),

    -- The one rating of each ticket that was given last.
    ranked as (
        select *, row_number() over (partition by ticket_id order by updated_at desc, id) as recency
        from {{ source("zendesk", "satisfaction_ratings") }}
    ),

    named as (
        select
            source.*,
            requesters.name as requester_name,
            requesters.email as requester_email,
            requesters.external_id as requester_external_id,
            assignees.name as assignee_name,
            coalesce(source.organization_id, requesters.organization_id) as company_id
        from source
        -- Not by way of one CTE: DuckDB keeps a CTE that is read twice, and then redacts texts
        -- that nobody asked for.
        left join
            {{ source("zendesk", "users") }} as requesters on source.requester_id = requesters.id
        left join {{ source("zendesk", "users") }} as assignees on source.assignee_id = assignees.id
    )

select
    named.id as ticket_id,
    named.external_id as ticket_external_id,
    named.requester_id,
    pseudonyms.pseudonym as requester_pseudonym,
    named.requester_external_id as requester_product_user_id,
    {{ email_domain("named.requester_email") }} as requester_email_domain,
    named.company_id as organization_id,
    nullif(organizations.external_id, '') as account_key,
    {{ clean_domain("split_part(organizations.domain_names, ';', 1)") }} as organization_domain,
    named.status,
    named.priority,
    named.channel,
    named.tags,
    case named.satisfaction_score when 'good' then 1 when 'bad' then 0 end as satisfaction_score,
    {{
        redacted_text(
            "named.satisfaction_comment", ["named.requester_name", "named.assignee_name"]
        )
    }} as satisfaction_comment,
    case
        when named.satisfaction_score in ('good', 'bad') then {{ utc("ranked.updated_at") }}
    end as rated_at,
    {{ redacted_text("named.subject", ["named.requester_name", "named.assignee_name"]) }}
    as subject,
    {{ redacted_text("named.description", ["named.requester_name", "named.assignee_name"]) }}
    as body,
    named.first_reply_minutes,
    named.follows_id as follows_ticket_id,
    -- An agent who writes down a call opens a ticket too; what follows a closed one is an
    -- answer.
    coalesce(
        named.follows_id is not null and named.submitter_id <> named.requester_id, false
    ) as is_our_follow_up,
    {{ utc("named.created_at") }} as created_at,
    {{ utc("named.updated_at") }} as updated_at,
    {{ utc("named.solved_at") }} as solved_at,
    -- Comments by others than the customer, an agent's note among them: the export does not
    -- tell.
    case
        when named.last_comment_at > coalesce(named.requester_updated_at, named.created_at)
        then {{ utc("named.last_comment_at") }}
    end as last_replied_at,
    {{ utc("named.requester_updated_at") }} as requester_updated_at,
    named.status = 'deleted' as is_deleted
from named
left join organizations on named.company_id = organizations.id
left join pseudonyms on named.requester_id = pseudonyms.id
left join ranked on named.id = ranked.ticket_id and ranked.recency = 1
