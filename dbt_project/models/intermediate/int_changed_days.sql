-- depends_on: {{ ref("int_identified_ids") }}
-- depends_on: {{ ref("int_events") }}
-- The event days whose facts must be built again: days with arrivals, and every day of a distinct
-- id that now counts for another person or account, or no longer counts at all. Merges are
-- retroactive, so they may reach back to the first day.
{% set built = previous("built_identities") %}
with
    {% if built %}
        remapped as (
            select coalesce(now.distinct_id, before.distinct_id) as distinct_id
            from {{ ref("int_identified_ids") }} as now
            full outer join {{ built }} as before on now.distinct_id = before.distinct_id
            where
                now.person_id is distinct from before.person_id
                or now.account_id is distinct from before.account_id
                or now.is_internal is distinct from before.is_internal
        ),
    {% endif %}
    arrived as (select event_date from {{ ref("int_arrived_days") }})

select event_date
from arrived
{% if built %}
    union
    select events.event_date
    from {{ ref("int_events") }} as events
    inner join remapped on events.distinct_id = remapped.distinct_id
{% endif %}
