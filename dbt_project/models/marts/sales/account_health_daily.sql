-- The score is shown as long as its back-test holds: over all months of the 30-day horizon, flagged
-- accounts left at least score_least_lift times as often as all. The inputs are shown in any case.
with
    scored as ({{ account_health_scores(ref("health_weights")) }}),

    verdict as (
        select
            coalesce(
                sum(hit_count) * 1.0 / nullif(sum(flagged_count), 0)
                >= {{ var("score_least_lift") }}
                * sum(happened_count)
                / nullif(sum(scored_count), 0),
                false
            ) as is_published
        from {{ ref("score_backtests") }}
        where score = 'account_health' and horizon_days = 30
    ),

    version as (
        select {{ joined_text("input || ' ' || weight", "input") }} as score_version
        from {{ ref("health_weights") }}
    )

select
    scored.account_id,
    scored.score_date,
    cast(scored.mrr_usd as decimal(18, 2)) as mrr_usd,
    cast(scored.seat_count as bigint) as seat_count,
    cast(scored.recent_use as bigint) as recent_use,
    scored.expected_use,
    scored.use_trend,
    scored.use_surprise,
    scored.seat_use,
    version.score_version,
    case when verdict.is_published then scored.health_score end as health_score,
    case
        when not verdict.is_published
        then 'not published'
        when scored.health_score is null
        then 'too little use'
        when scored.health_score < {{ var("health_at_risk_below") }}
        then 'at risk'
        else 'healthy'
    end as health
from scored
cross join verdict
cross join version
