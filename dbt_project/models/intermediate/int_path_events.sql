{{ config(materialized="view") }}
-- What paths are made of: what people did themselves in the last 28 days that are over. Habits
-- change with releases, so longer would mix products that nobody can use side by side; and paths
-- sort every event they are made of.
select ids.person_id, events.event_id, events.occurred_at, events.event_name
from {{ ref("int_events") }} as events
cross join {{ ref("int_clock") }} as clock
inner join {{ ref("int_identified_ids") }} as ids on events.distinct_id = ids.distinct_id
left join {{ ref("passive_events") }} as passive on events.event_name = passive.event_name
where
    ids.person_id is not null
    and not ids.is_internal
    and passive.event_name is null
    and events.event_date <= clock.last_complete_date
    and events.event_date > {{ date_plus_days("clock.last_complete_date", -28) }}
