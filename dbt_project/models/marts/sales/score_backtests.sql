-- What each score would have said on the first of a month, against who left within so many days
-- after it. Only months of which all those days are over. Leads are asked by the month of sign-up.
{% set months_before = "over (partition by score, horizon_days order by month_start rows between unbounded preceding and 1 preceding)" %}
with
    scored as ({{ account_health_scores(ref("health_weights")) }}),

    horizons as (
        select 30 as horizon_days
        union all
        select 60 as horizon_days
        union all
        select 90 as horizon_days
    ),

    health as (
        select
            'account_health' as score,
            cast(horizons.horizon_days as bigint) as horizon_days,
            scored.score_date as month_start,
            scored.health_score,
            coalesce(scored.health_score < {{ var("health_at_risk_below") }}, false) as is_flagged,
            coalesce(
                billing.churned_at > scored.score_date
                and billing.churned_at
                <= {{ date_plus_days("scored.score_date", "horizons.horizon_days") }},
                false
            ) as has_happened
        from scored
        cross join horizons
        cross join {{ ref("int_clock") }} as clock
        inner join
            {{ ref("int_account_billing") }} as billing on scored.account_id = billing.account_id
        where
            scored.score_date = date_trunc('month', scored.score_date)
            and {{ date_plus_days("scored.score_date", "horizons.horizon_days") }} <= clock.as_of
    ),

    leads as (
        select
            'product_qualified_lead' as score,
            cast({{ var("lead_mature_days") }} as bigint) as horizon_days,
            cast(date_trunc('month', signed_up_at) as date) as month_start,
            is_qualified as is_flagged,
            is_paid as has_happened
        from {{ ref("product_qualified_leads") }}
        where is_mature
    ),

    answers as (
        select score, horizon_days, month_start, is_flagged, has_happened
        from health
        union all
        select score, horizon_days, month_start, is_flagged, has_happened
        from leads
    ),

    counts as (
        select
            score,
            horizon_days,
            month_start,
            count(*) as scored_count,
            cast(sum(case when is_flagged then 1 else 0 end) as bigint) as flagged_count,
            cast(sum(case when has_happened then 1 else 0 end) as bigint) as happened_count,
            cast(
                sum(case when is_flagged and has_happened then 1 else 0 end) as bigint
            ) as hit_count
        from answers
        group by score, horizon_days, month_start
    ),

    -- What the months before had told of flagged and other accounts, and what this month came to.
    known as (
        select
            *,
            sum(flagged_count) {{ months_before }} as flagged_before,
            sum(hit_count) {{ months_before }} as hits_before,
            sum(scored_count - flagged_count) {{ months_before }} as others_before,
            sum(happened_count - hit_count) {{ months_before }} as misses_before
        from counts
    )

select
    score,
    horizon_days,
    month_start,
    scored_count,
    flagged_count,
    happened_count,
    hit_count,
    cast(hit_count * 1.0 / nullif(happened_count, 0) as {{ type_double() }}) as recall,
    cast(hit_count * 1.0 / nullif(flagged_count, 0) as {{ type_double() }}) as precision_share,
    cast(happened_count * 1.0 / scored_count as {{ type_double() }}) as base_rate,
    cast(
        hit_count
        * 1.0
        / nullif(flagged_count, 0)
        / nullif(happened_count * 1.0 / scored_count, 0) as {{ type_double() }}
    ) as lift,
    cast(
        flagged_count * hits_before * 1.0 / nullif(flagged_before, 0)
        + (scored_count - flagged_count)
        * misses_before
        * 1.0
        / nullif(others_before, 0) as {{ type_double() }}
    ) as expected_count
from known
