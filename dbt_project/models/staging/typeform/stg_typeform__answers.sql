with source as (select * from {{ source("typeform", "answers") }})

select form_id, token, position, field_id, field_ref, field_type, answer_type, value
from source
