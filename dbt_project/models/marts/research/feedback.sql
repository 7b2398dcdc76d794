-- One row per item and theme. An item's weights sum to 1, so that what is counted by weight does
-- not
-- change when somebody says in two messages what was said in one.
with
    items as (select * from {{ ref("int_feedback_items") }}),

    -- Themes that miss the gold texts are not shown: then every item has none.
    themes as (
        select
            labels.text,
            case when quality.is_published then labels.theme else 'unclassified' end as theme,
            sum(labels.weight) as weight,
            max(case when quality.is_published then labels.confidence end) as confidence,
            max(labels.severity) as severity
        from {{ ref("int_text_themes") }} as labels
        cross join {{ ref("int_theme_quality") }} as quality
        group by
            labels.text, case when quality.is_published then labels.theme else 'unclassified' end
    )

select
    items.item_id || ':' || themes.theme as feedback_id,
    items.item_id,
    items.source,
    items.vendor_id,
    sources.is_solicited,
    items.occurred_at,
    items.person_id,
    items.account_id,
    coalesce(traits.segment, 'unknown') as segment,
    coalesce(traits.plan, 'unknown') as plan,
    cast(coalesce(months.mrr_usd, 0) * 12 as decimal(18, 2)) as arr_usd,
    themes.theme,
    cast(themes.weight as {{ type_double() }}) as weight,
    cast(themes.confidence as {{ type_double() }}) as theme_confidence,
    severities.severity,
    coalesce(severities.weight, 0) as severity_weight,
    case
        when themes.severity = 'praise'
        then 'positive'
        when themes.severity in ('blocking', 'painful')
        then 'negative'
        else 'neutral'
    end as sentiment,
    items.project_id as roadmap_item_id,
    items.text
from items
inner join themes on items.text = themes.text
inner join {{ ref("feedback_sources") }} as sources on items.source = sources.source
left join {{ ref("severity_weights") }} as severities on themes.severity = severities.severity
left join {{ ref("int_account_traits") }} as traits on items.account_id = traits.account_id
left join
    {{ ref("int_account_months") }} as months
    on items.account_id = months.account_id
    and cast(date_trunc('month', items.occurred_at) as date) = months.month_start
