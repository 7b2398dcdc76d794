with source as (select * from {{ source("github", "source_counts") }})

select table_name, scope, source_count, {{ utc("counted_at") }} as counted_at
from source
