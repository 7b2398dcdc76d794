-- The event days that PostHog exports brought rows for since the last complete build.
--
-- This is the late-data window, and it has no fixed length on purpose. Of the demo company's
-- events 2.5 % come 1 to 72 hours late and 0.3 % three to seven days late, so eight days would hold
-- them; but a back-fill (2025-09-14) or a second delivery (2026-01-20) touches any day, and a fixed
-- window either loses it or rebuilds 730 days to find one. Arrival order tells exactly which days.
{% set built = previous("built_exports") %}
with
    events as (select * from {{ ref("stg_posthog__events") }}),

    exports as (select * from {{ ref("stg_posthog__exports") }} where model_name = 'events'),

    unbuilt as (
        select min(interval_start) as first_arrival
        from exports
        {% if built %} where run_id not in (select run_id from {{ built }}) {% endif %}
    )

select events.event_date, count(*) as arrived_count
from events
cross join unbuilt
where events.arrived_at >= unbuilt.first_arrival and events.event_date is not null
group by events.event_date
