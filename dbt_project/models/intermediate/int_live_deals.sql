-- Deals that count: a merged or deleted record leaves every sum.
{{ config(materialized="view") }}
select deals.*
from {{ ref("stg_hubspot__deals") }} as deals
left join
    {{ ref("int_merged_objects") }} as merged
    on merged.object_type = 'deals'
    and deals.deal_id = merged.loser_id
where merged.loser_id is null and not deals.is_archived
