-- The session of each event that carries no session id of its client: a new one after half an hour
-- without any, and at the latest a day after it began.
with
    unmarked as (
        select ids.person_id, events.event_id, events.occurred_at
        from {{ ref("int_events") }} as events
        inner join {{ ref("int_identified_ids") }} as ids on events.distinct_id = ids.distinct_id
        left join {{ ref("passive_events") }} as passive on events.event_name = passive.event_name
        where
            events.client_session_id is null
            and passive.event_name is null
            and ids.person_id is not null
            and not ids.is_internal
    )

select event_id, session_number, session_started_at
from ({{ sessionised("unmarked") }}) as sessionised
