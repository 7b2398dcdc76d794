-- Of the deals created in a month, how many ever reached a stage and how many the one after it. Who
-- skipped a stage reached it. A lost deal reached what it was in before.
with
    open_stages as (
        select
            pipeline_id,
            stage_id,
            stage_label,
            display_order,
            lead(display_order) over (partition by pipeline_id order by display_order) as next_order
        from {{ ref("stg_hubspot__pipeline_stages") }}
        where object_type = 'deals' and (not is_closed or probability = 1)
    ),

    furthest as (
        select stays.deal_id, max(stages.display_order) as reached_order
        from {{ ref("deal_stages") }} as stays
        inner join
            open_stages as stages
            on stays.pipeline_id = stages.pipeline_id
            and stays.stage_id = stages.stage_id
        group by stays.deal_id
    ),

    deals as (
        select
            deals.deal_id,
            deals.pipeline_id,
            deals.is_closed,
            cast(date_trunc('month', deals.created_at) as date) as month_start,
            furthest.reached_order
        from {{ ref("deals") }} as deals
        inner join furthest on deals.deal_id = furthest.deal_id
    )

select
    deals.month_start,
    deals.pipeline_id,
    stages.stage_id,
    stages.stage_label,
    stages.display_order as stage_order,
    count(*) as deal_count,
    cast(
        sum(case when deals.reached_order >= stages.display_order then 1 else 0 end) as bigint
    ) as reached_count,
    cast(
        sum(case when deals.reached_order >= stages.next_order then 1 else 0 end) as bigint
    ) as went_on_count,
    -- Still there or before it: may go on yet.
    cast(
        sum(
            case
                when not deals.is_closed and deals.reached_order <= stages.display_order
                then 1
                else 0
            end
        ) as bigint
    ) as undecided_count
from deals
inner join open_stages as stages on deals.pipeline_id = stages.pipeline_id
where stages.next_order is not null
group by
    deals.month_start, deals.pipeline_id, stages.stage_id, stages.stage_label, stages.display_order
