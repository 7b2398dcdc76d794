-- One row per roadmap item (a Linear project) and month since it was written down, also where
-- nobody
-- asks for it. A need belongs to the project it was put under, else to the one of its theme.
{% set window = var("needs_window_months") %}
with
    months as (
        select dates.month_start, max(dates.date_day) as last_day
        from {{ ref("dates") }} as dates
        group by dates.month_start
    ),

    asked as ({{ needs_in_window(ref("feedback"), "months", window) }}),

    needs as (
        select asked.*, coalesce(asked.roadmap_item_id, projects.project_id) as project_id
        from asked
        left join {{ ref("int_theme_projects") }} as projects on asked.theme = projects.theme
    ),

    shares as ({{ need_shares("needs", "project_id") }}),

    mentions as (
        select
            month_start,
            project_id,
            count(distinct item_id) as mention_count,
            count(distinct account_id) as account_count,
            count(distinct person_id) as person_count,
            {{ exact_sum("severity_weight") }} / {{ exact_sum("weight") }} as severity
        from needs
        group by month_start, project_id
    ),

    active as (
        select
            cast(date_trunc('month', week_start) as date) as month_start,
            account_id,
            count(distinct person_id) as people_count
        from {{ ref("int_person_feature_weeks") }}
        where active_event_count > 0 and account_id is not null
        group by 1, 2
    ),

    pipeline as (
        select months.month_start, daily.account_id, sum(daily.amount_usd) as open_usd
        from {{ ref("pipeline_daily") }} as daily
        inner join months on daily.snapshot_date = months.last_day
        group by months.month_start, daily.account_id
    ),

    first_asked as (
        select month_start, project_id, account_id, min(said_month) as said_month
        from needs
        where account_id is not null
        group by month_start, project_id, account_id
    ),

    -- Who asked and left afterwards, both within the window.
    churned as (
        select
            first_asked.month_start,
            first_asked.project_id,
            -12 * sum(left_.churn_mrr_usd) as arr_usd
        from first_asked
        inner join
            {{ ref("mrr_movements") }} as left_
            on first_asked.account_id = left_.account_id
            and left_.movement = 'churn'
            and left_.month_start >= first_asked.said_month
            and left_.month_start <= first_asked.month_start
        group by first_asked.month_start, first_asked.project_id
    ),

    money as (
        select
            shares.month_start,
            shares.project_id,
            {{ exact_sum("shares.share * 12 * paid.mrr_usd") }} as allocated_arr_usd,
            sum(pipeline.open_usd) as blocked_usd,
            sum(active.people_count) as reach
        from shares
        left join
            {{ ref("int_account_months") }} as paid
            on shares.account_id = paid.account_id
            and shares.month_start = paid.month_start
        left join
            pipeline
            on shares.account_id = pipeline.account_id
            and shares.month_start = pipeline.month_start
        left join
            active
            on shares.account_id = active.account_id
            and shares.month_start = active.month_start
        group by shares.month_start, shares.project_id
    ),

    evidence as ({{ rice_inputs("months", "mentions", "money", "churned") }})

select
    project_id as roadmap_item_id,
    project_name as roadmap_item,
    project_state,
    month_start,
    is_complete,
    mention_count,
    account_count,
    person_count,
    allocated_arr_usd,
    pipeline_blocked_usd,
    churned_arr_usd,
    reach_people_count,
    impact,
    confidence,
    estimate_points,
    unestimated_issue_count,
    effort_person_months,
    cast(
        {{ rice("reach_people_count", "impact", "confidence", "effort_person_months") }}
        as {{ type_double() }}
    ) as rice_score
from evidence
