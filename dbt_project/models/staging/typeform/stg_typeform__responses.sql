with source as (select * from {{ source("typeform", "responses") }})

select
    form_id,
    token,
    response_type,
    {{ json_text("hidden", ["user_id"]) }} as hidden_user_id,
    {{ clean_email(json_text("hidden", ["email"])) }} as hidden_email,
    {{ utc("landed_at") }} as landed_at,
    {{ utc("submitted_at") }} as submitted_at
from source
