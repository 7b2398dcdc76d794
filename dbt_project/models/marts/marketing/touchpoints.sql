-- Being at work in the product is no touch: only sessions that saw a page came from somewhere.
select
    session_id as touch_id,
    person_id,
    account_id,
    started_at as touched_at,
    started_date as touched_date,
    row_number() over (partition by person_id order by started_at, session_id) as touch_number,
    channel,
    utm_source,
    utm_medium,
    utm_campaign,
    referring_domain,
    last_arrived_at
from {{ ref("sessions") }}
where channel is not null
