-- From the stage history, so that a deal that went back has been in a stage twice, and its days
-- there
-- add up. The stage a deal is in now lasts until the vendors were last asked.
with
    entries as (
        select
            history.deal_id,
            history.value as stage_id,
            history.changed_at as entered_at,
            lead(history.changed_at) over (
                partition by history.deal_id order by history.changed_at, history.value
            ) as left_at
        from {{ ref("stg_hubspot__deal_property_history") }} as history
        where history.property_name = 'dealstage'
    ),

    stays as (
        select
            entries.*,
            {{ seconds_between("entries.entered_at", "coalesce(entries.left_at, clock.as_of)") }}
            / 86400.0 as day_count
        from entries
        cross join {{ ref("int_clock") }} as clock
    )

select
    deals.deal_id,
    deals.account_id,
    deals.pipeline_id,
    stays.stage_id,
    coalesce(max(stages.stage_label), stays.stage_id) as stage_label,
    max(stages.display_order) as stage_order,
    coalesce(max(case when stages.is_closed then 1 else 0 end) = 1, false) as is_closed_stage,
    min(stays.entered_at) as first_entered_at,
    count(*) as entry_count,
    {{ exact_sum("stays.day_count", places=6) }} as days_in_stage,
    max(case when stays.left_at is null then 1 else 0 end) = 1 as is_current
from stays
inner join {{ ref("deals") }} as deals on stays.deal_id = deals.deal_id
left join
    {{ ref("stg_hubspot__pipeline_stages") }} as stages
    on stages.object_type = 'deals'
    and deals.pipeline_id = stages.pipeline_id
    and stays.stage_id = stages.stage_id
group by deals.deal_id, deals.account_id, deals.pipeline_id, stays.stage_id
