-- One row per session: what its client calls one, else int_unmarked_sessions. Clients know of tabs
-- and of idle windows, so their word is not second-guessed. What happens to a person without their
-- doing (passive_events) opens none.
with
    events as (
        select
            ids.person_id,
            events.*,
            coalesce(
                'client ' || events.client_session_id,
                'inactivity ' || cast(unmarked.session_started_at as varchar)
            ) as session_key
        from {{ ref("int_events") }} as events
        inner join {{ ref("int_identified_ids") }} as ids on events.distinct_id = ids.distinct_id
        left join {{ ref("passive_events") }} as passive on events.event_name = passive.event_name
        left join
            {{ ref("int_unmarked_sessions") }} as unmarked on events.event_id = unmarked.event_id
        where passive.event_name is null and ids.person_id is not null and not ids.is_internal
    ),

    -- Where a visit came from is what its first page says, all of it: a source of one page and a
    -- referrer of another never were one entry.
    entries as (
        select
            *,
            row_number() over (
                partition by person_id, session_key order by occurred_at, event_id
            ) as position
        from events
        where event_name = '$pageview'
    ),

    sessions as (
        select
            person_id,
            session_key,
            min(occurred_at) as started_at,
            max(occurred_at) as ended_at,
            max(arrived_at) as last_arrived_at,
            count(*) as event_count,
            sum(case when event_name = '$pageview' then 1 else 0 end) as page_view_count
        from events
        group by person_id, session_key
    )

select
    md5(sessions.person_id || ' ' || sessions.session_key) as session_id,
    sessions.person_id,
    case
        when sessions.session_key like 'client %' then 'client' else 'inactivity'
    end as session_rule,
    sessions.started_at,
    sessions.ended_at,
    sessions.last_arrived_at,
    sessions.event_count,
    cast(sessions.page_view_count as bigint) as page_view_count,
    entries.utm_source,
    entries.utm_medium,
    entries.utm_campaign,
    entries.referring_domain
from sessions
left join
    entries
    on sessions.person_id = entries.person_id
    and sessions.session_key = entries.session_key
    and entries.position = 1
