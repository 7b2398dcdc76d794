with source as (select * from {{ source("hubspot", "pipeline_stages") }})

select
    object_type,
    pipeline_id,
    pipeline_label,
    stage_id,
    stage_label,
    cast(display_order as integer) as display_order,
    try_cast(probability as decimal(5, 4)) as probability,
    -- Deal pipelines tell a closed stage by its flag; probability 1 is won, 0 is lost.
    coalesce(lower(is_closed) = 'true', false) as is_closed
from source
