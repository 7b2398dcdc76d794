with
    source as (select * from {{ source("intercom", "conversations") }}),

    contacts as (select * from {{ source("intercom", "contacts") }}),

    companies as (select * from {{ source("intercom", "companies") }}),

    pseudonyms as (select * from {{ source("intercom", "pseudonyms") }}),

    live as (select distinct id from {{ source("intercom", "live_conversations") }}),

    -- What was deleted there is not read here any more.
    named as (
        select
            source.*,
            contacts.name as contact_name,
            contacts.email as contact_email,
            contacts.external_id as contact_external_id,
            coalesce(source.company_id, contacts.company_id) as of_company_id,
            live.id is null as is_deleted,
            case when live.id is not null then source.subject end as live_subject,
            case when live.id is not null then source.body end as live_body,
            case when live.id is not null then source.replies end as live_replies,
            case when live.id is not null then source.rating_remark end as live_remark
        from source
        left join live on source.id = live.id
        left join contacts on source.contact_id = contacts.id
    )

select
    named.id as conversation_id,
    named.external_id as conversation_external_id,
    named.contact_id,
    pseudonyms.pseudonym as contact_pseudonym,
    named.contact_external_id as contact_product_user_id,
    {{ email_domain("named.contact_email") }} as contact_email_domain,
    named.of_company_id as company_id,
    nullif(companies.company_id, '') as account_key,
    {{ clean_domain("companies.website") }} as company_domain,
    named.state as status,
    named.priority,
    named.channel,
    -- Also by a message that goes out by itself: to who receives it, it is one more.
    coalesce(
        named.delivered_as in ('admin_initiated', 'operator_initiated', 'automated'), false
    ) as is_begun_by_us,
    named.tags,
    named.rating,
    case when named.rating >= 4 then 1 when named.rating >= 1 then 0 end as satisfaction_score,
    {{ redacted_text("named.live_remark", ["named.contact_name", "named.teammate_names"]) }}
    as satisfaction_comment,
    {{ utc("named.rated_at") }} as rated_at,
    {{ redacted_text("named.live_subject", ["named.contact_name", "named.teammate_names"]) }}
    as subject,
    {{ redacted_text("named.live_body", ["named.contact_name", "named.teammate_names"]) }} as body,
    {{ redacted_text("named.live_replies", ["named.contact_name", "named.teammate_names"]) }}
    as replies,
    named.part_count,
    {{ utc("named.created_at") }} as created_at,
    {{ utc("named.updated_at") }} as updated_at,
    {{ utc("named.first_customer_reply_at") }} as first_customer_reply_at,
    {{ utc("named.first_reply_at") }} as first_replied_at,
    {{ utc("named.last_reply_at") }} as last_replied_at,
    {{ utc("named.closed_at") }} as solved_at,
    named.is_deleted
from named
left join companies on named.of_company_id = companies.id
left join pseudonyms on named.contact_id = pseudonyms.id
