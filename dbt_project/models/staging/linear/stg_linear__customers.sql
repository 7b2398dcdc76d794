with source as ({{ still_in_linear("customers") }})

select
    id as customer_id,
    name as customer_name,
    revenue as annual_revenue,
    try_cast({{ adapter.quote("size") }} as {{ type_double() }}) as customer_size,
    archived_at is not null as is_archived,
    {{ utc("created_at") }} as created_at,
    {{ utc("updated_at") }} as updated_at
from source
