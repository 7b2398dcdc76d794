with source as (select * from {{ source("linear", "workflow_states") }})

select
    id as state_id,
    team as team_id,
    name as state_name,
    {{ adapter.quote("type") }} as state_type,
    try_cast({{ adapter.quote("position") }} as {{ type_double() }}) as board_position
from source
