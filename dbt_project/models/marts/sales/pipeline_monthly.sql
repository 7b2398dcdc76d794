-- All of a row are of the same month, pipeline and segment, so that velocity may multiply them.
-- Amounts of open deals are as they were on the month's last day.
with
    dealt as (
        select
            deals.*,
            coalesce(traits.segment, 'unknown') as segment,
            cast(date_trunc('month', deals.created_at) as date) as created_month,
            cast(date_trunc('month', deals.closed_at) as date) as closed_month,
            {{ seconds_between("deals.created_at", "deals.closed_at") }} / 86400.0 as cycle_days
        from {{ ref("deals") }} as deals
        left join {{ ref("int_account_traits") }} as traits on deals.account_id = traits.account_id
    ),

    months as (
        select cast(date_trunc('month', date_day) as date) as month_start, max(date_day) as last_day
        from {{ ref("dates") }}
        group by 1
    ),

    levels as (
        select 'all' as level
        union all
        select 'segment' as level
    ),

    placed as (
        select
            months.month_start,
            dealt.pipeline_id,
            dealt.segment,
            dealt.amount_usd,
            dealt.cycle_days,
            dealt.created_month = months.month_start as is_created,
            coalesce(dealt.closed_month = months.month_start and dealt.is_won, false) as is_won,
            coalesce(
                dealt.closed_month = months.month_start and dealt.is_closed and not dealt.is_won,
                false
            ) as is_lost
        from dealt
        inner join
            months
            on dealt.created_month <= months.month_start
            and (dealt.closed_month is null or dealt.closed_month >= months.month_start)
    ),

    moves as (
        select
            placed.month_start,
            placed.pipeline_id,
            case when levels.level = 'all' then 'all' else placed.segment end as segment,
            count(*) as worked,
            sum(case when placed.is_created then 1 else 0 end) as created,
            sum(case when placed.is_won then 1 else 0 end) as won,
            sum(case when placed.is_lost then 1 else 0 end) as lost,
            sum(case when placed.is_won then placed.amount_usd end) as won_usd,
            median(case when placed.is_won then placed.cycle_days end) as cycle_median,
            avg(
                case when placed.is_won then cast(placed.cycle_days as decimal(18, 6)) end
            ) as cycle_mean
        from placed
        cross join levels
        group by 1, 2, 3
    ),

    open_deals as (
        select
            months.month_start,
            pipeline.pipeline_id,
            case
                when levels.level = 'all' then 'all' else coalesce(traits.segment, 'unknown')
            end as segment,
            count(*) as open_count,
            sum(pipeline.amount_usd) as open_usd,
            sum(pipeline.weighted_amount_usd) as weighted_usd
        from {{ ref("pipeline_daily") }} as pipeline
        inner join months on pipeline.snapshot_date = months.last_day
        left join
            {{ ref("int_account_traits") }} as traits on pipeline.account_id = traits.account_id
        cross join levels
        group by 1, 2, 3
    )

select
    moves.month_start,
    moves.pipeline_id,
    moves.segment,
    cast(moves.created as bigint) as created_count,
    moves.worked as worked_count,
    cast(moves.won as bigint) as won_count,
    cast(moves.lost as bigint) as lost_count,
    cast(coalesce(moves.won_usd, 0) as decimal(18, 2)) as won_usd,
    cast(moves.won * 1.0 / nullif(moves.won + moves.lost, 0) as {{ type_double() }}) as win_rate,
    cast(moves.cycle_median as {{ type_double() }}) as median_cycle_days,
    cast(moves.cycle_mean as {{ type_double() }}) as mean_cycle_days,
    cast(
        {{
            sales_velocity(
                "moves.worked",
                "(cast(moves.won_usd as " ~ type_double() ~ ") / nullif(moves.won, 0))",
                "(moves.won * 1.0 / nullif(moves.won + moves.lost, 0))",
                "moves.cycle_mean",
            )
        }} as {{ type_double() }}
    ) as velocity_usd_per_day,
    coalesce(open_deals.open_count, 0) as open_count,
    cast(coalesce(open_deals.open_usd, 0) as decimal(18, 2)) as open_usd,
    cast(coalesce(open_deals.weighted_usd, 0) as decimal(18, 2)) as weighted_open_usd,
    cast(targets.target_usd as decimal(18, 2)) as target_usd,
    cast(
        case
            when targets.target_usd > coalesce(moves.won_usd, 0)
            then
                cast(coalesce(open_deals.open_usd, 0) as {{ type_double() }})
                / (targets.target_usd - coalesce(moves.won_usd, 0))
        end as {{ type_double() }}
    ) as coverage
from moves
left join
    open_deals
    on moves.month_start = open_deals.month_start
    and moves.pipeline_id = open_deals.pipeline_id
    and moves.segment = open_deals.segment
left join
    {{ ref("sales_targets") }} as targets
    on moves.month_start = targets.month_start
    and moves.pipeline_id = targets.pipeline_id
    and moves.segment = targets.segment
