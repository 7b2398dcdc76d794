-- Everything customers said in words, from every channel that has text, in one shape. The text
-- is redacted: in staging, elsewhere what people wrote into open questions of surveys, and here of
-- notes the name of whom they are about.
with
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

    notes as (
        select
            'research_files' as source,
            pseudonyms.pseudonym as vendor_id,
            notes.noted_at as occurred_at,
            panellists.person_id,
            panellists.account_id,
            coalesce(panellists.is_internal, false) as is_internal,
            null as project_id,
            {{ redacted_text("notes.text", ["panellists.first_name", "panellists.last_name"]) }}
            as text
        from {{ ref("stg_research_files__notes") }} as notes
        inner join
            {{ ref("stg_research_files__pseudonyms") }} as pseudonyms
            on notes.note_id = pseudonyms.raw_id
        left join
            {{ ref("int_panellists") }} as panellists
            on notes.participant_id = panellists.participant_id
    ),

    every_item as (
        select *
        from {{ ref("int_support_items") }}
        union all
        select *
        from needs
        union all
        select *
        from lost_deals
        union all
        select *
        from notes
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
