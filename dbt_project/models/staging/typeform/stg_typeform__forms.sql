with
    source as (select * from {{ source("typeform", "forms") }}),

    -- Every edit of a form is kept; the latest is what respondents see now.
    ranked as (
        select
            *, row_number() over (partition by id order by last_updated_at desc, title) as recency
        from source
    )

select id as form_id, title as form_title, {{ utc("last_updated_at") }} as updated_at
from ranked
where recency = 1
