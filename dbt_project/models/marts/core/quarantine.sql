-- Rows, or values in them, that no number can use, with the reason. Nothing is left out unlisted.
with
    events as (select * from {{ ref("stg_posthog__events") }}),

    deals as (select * from {{ ref("stg_hubspot__deals") }}),

    stages as (select * from {{ ref("stg_hubspot__pipeline_stages") }}),

    found as (
        {% for column in ["event_id", "event_name", "distinct_id", "occurred_at"] %}
            select
                'posthog' as source,
                'events' as table_name,
                coalesce(event_id, 'arrived ' || cast(arrived_at as varchar)) as row_key,
                '{{ column }}' as column_name,
                'missing' as reason,
                'row left out' as consequence
            from events
            where {{ column }} is null
            union all
        {% endfor %}
        select
            'hubspot' as source,
            'deals' as table_name,
            deal_id as row_key,
            'amount' as column_name,
            'not a number' as reason,
            'value ignored' as consequence
        from deals
        where amount_usd is null and amount_text is not null
        union all
        select
            'hubspot' as source,
            'deals' as table_name,
            deal_id as row_key,
            'closedate' as column_name,
            'not a date' as reason,
            'value ignored' as consequence
        from deals
        where close_date_at is null and close_date_text is not null
        union all
        select
            'hubspot' as source,
            'deals' as table_name,
            deals.deal_id as row_key,
            'dealstage' as column_name,
            'not a stage of the pipeline' as reason,
            'counts as open, without probability' as consequence
        from deals
        left join
            stages
            on stages.object_type = 'deals'
            and deals.pipeline_id = stages.pipeline_id
            and deals.stage_id = stages.stage_id
        where stages.stage_id is null and not deals.is_archived
        union all
        select
            'hubspot' as source,
            'contacts' as table_name,
            pseudonyms.pseudonym as row_key,
            'email' as column_name,
            'not an address' as reason,
            'value ignored' as consequence
        from {{ ref("stg_hubspot__contacts") }} as contacts
        left join
            {{ ref("stg_hubspot__pseudonyms") }} as pseudonyms
            on contacts.contact_id = pseudonyms.raw_id
        where contacts.email is not null and {{ email_domain("contacts.email") }} is null
        union all
        select
            'hubspot' as source,
            'associations' as table_name,
            -- A contact's id is personal; the other end of the link says enough.
            links.from_type
            || ' '
            || case
                when links.from_type = 'contacts' then 'of ' || links.to_id else links.from_id
            end as row_key,
            'to_id' as column_name,
            'names a record that is not there' as reason,
            'link ignored' as consequence
        from {{ ref("stg_hubspot__associations") }} as links
        left join
            {{ ref("int_record_ids") }} as records
            on links.to_type = records.object_type
            and links.to_id = records.record_id
        where links.to_type in ('companies', 'contacts', 'deals') and records.record_id is null
        union all
        select
            'ads' as source,
            platform || '_costs' as table_name,
            account_id || ' ' || cost_key || ' ' || cast(month_start as varchar) as row_key,
            'cost' as column_name,
            'not an amount in US dollars' as reason,
            'value ignored' as consequence
        from {{ ref("int_marketing_costs") }}
        where cost_usd is null
        union all
        select 'stripe' as source, table_name, row_key, column_name, reason, consequence
        from {{ ref("int_billing_faults") }}
        union all
        select
            'research_files' as source,
            table_name,
            row_key,
            column_name,
            reason,
            'row left out' as consequence
        from {{ ref("stg_research_files__bad_rows") }}
        union all
        select
            scores.source,
            'answers' as table_name,
            scores.form_id || ':' || responses.public_token || ':' || scores.field_ref as row_key,
            'value' as column_name,
            'off the scale of its question' as reason,
            'score not counted' as consequence
        from {{ ref("int_survey_scores") }} as scores
        left join {{ ref("int_survey_responses") }} as responses using (source, form_id, token)
        where not scores.is_valid
        union all
        select source, table_name, row_key, column_name, reason, consequence
        from {{ ref("int_unknown_choices") }}
    )

select source, table_name, row_key, column_name, reason, consequence, count(*) as occurrence_count
from found
group by source, table_name, row_key, column_name, reason, consequence
