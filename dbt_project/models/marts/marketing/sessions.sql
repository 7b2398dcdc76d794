-- Built whole each night: a late event may move a start, and a merge moves any of a person's.
select
    sessions.session_id,
    sessions.person_id,
    people.account_id,
    sessions.session_rule,
    sessions.started_at,
    cast(sessions.started_at as date) as started_date,
    sessions.ended_at,
    cast(
        {{ seconds_between("sessions.started_at", "sessions.ended_at") }} as {{ type_double() }}
    ) as duration_seconds,
    sessions.event_count,
    sessions.page_view_count,
    sessions.page_view_count = 1 and sessions.event_count = 1 as is_bounce,
    case when sessions.page_view_count > 0 then coalesce(channels.channel, 'other') end as channel,
    sessions.utm_source,
    sessions.utm_medium,
    sessions.utm_campaign,
    sessions.referring_domain,
    sessions.last_arrived_at
from {{ ref("int_sessions") }} as sessions
left join {{ ref("int_people") }} as people on sessions.person_id = people.person_id
left join
    {{ ref("int_entry_channels") }} as channels
    on coalesce(sessions.utm_source, '(none)') = channels.utm_source
    and coalesce(sessions.utm_medium, '(none)') = channels.utm_medium
    and coalesce(sessions.referring_domain, '(none)') = channels.referring_domain
