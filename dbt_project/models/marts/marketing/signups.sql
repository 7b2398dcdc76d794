select
    touches.signup_id,
    touches.person_id,
    people.account_id,
    touches.signed_up_at,
    cast(touches.signed_up_at as date) as signed_up_date,
    coalesce(channels.channel, 'other') as channel,
    touches.utm_source,
    touches.utm_medium,
    touches.referring_domain,
    touches.first_touch_at,
    touches.arrived_at as last_arrived_at
from {{ ref("int_first_touches") }} as touches
left join {{ ref("int_people") }} as people on touches.person_id = people.person_id
left join
    {{ ref("int_entry_channels") }} as channels
    on coalesce(touches.utm_source, '(none)') = channels.utm_source
    and coalesce(touches.utm_medium, '(none)') = channels.utm_medium
    and coalesce(touches.referring_domain, '(none)') = channels.referring_domain
