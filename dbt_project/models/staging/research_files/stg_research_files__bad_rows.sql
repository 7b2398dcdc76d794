with source as (select * from {{ source("research_files", "bad_rows") }})

select
    table_name, file || ':' || cast(line as {{ dbt.type_string() }}) as row_key, column_name, reason
from source
