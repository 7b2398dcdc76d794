with
    stages as (select * from {{ ref("stg_hubspot__pipeline_stages") }} where object_type = 'deals'),

    first_closed as (
        select history.deal_id, min(history.changed_at) as closed_at
        from {{ ref("stg_hubspot__deal_property_history") }} as history
        inner join {{ ref("stg_hubspot__deals") }} as deals on history.deal_id = deals.deal_id
        inner join
            stages on deals.pipeline_id = stages.pipeline_id and history.value = stages.stage_id
        -- Reopened deals count from when they reached the stage they are closed in now.
        where
            history.property_name = 'dealstage'
            and history.value = deals.stage_id
            and stages.is_closed
        group by history.deal_id
    )

select
    deals.deal_id,
    deals.deal_name,
    accounts.account_id,
    accounts.rule as account_rule,
    deals.owner_id,
    deals.pipeline_id,
    deals.stage_id,
    coalesce(stages.stage_label, deals.stage_id) as stage_label,
    deals.amount_usd,
    stages.probability as stage_probability,
    coalesce(stages.is_closed, false) as is_closed,
    coalesce(stages.is_closed and stages.probability = 1, false) as is_won,
    deals.created_at,
    first_closed.closed_at,
    cast(deals.close_date_at as date) as expected_close_date,
    deals.updated_at
from {{ ref("int_live_deals") }} as deals
left join stages on deals.pipeline_id = stages.pipeline_id and deals.stage_id = stages.stage_id
left join first_closed on deals.deal_id = first_closed.deal_id
left join {{ ref("int_deal_accounts") }} as accounts on deals.deal_id = accounts.deal_id
