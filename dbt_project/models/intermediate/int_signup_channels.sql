{{ config(materialized="view") }}
-- Sign-ups with their account and the channel of their first touch.
select
    touches.signup_id,
    touches.person_id,
    people.account_id,
    touches.signed_up_at,
    coalesce(channels.channel, 'other') as channel
from {{ ref("int_first_touches") }} as touches
left join {{ ref("int_people") }} as people on touches.person_id = people.person_id
left join
    {{ ref("int_entry_channels") }} as channels
    on coalesce(touches.utm_source, '(none)') = channels.utm_source
    and coalesce(touches.utm_medium, '(none)') = channels.utm_medium
    and coalesce(touches.referring_domain, '(none)') = channels.referring_domain
