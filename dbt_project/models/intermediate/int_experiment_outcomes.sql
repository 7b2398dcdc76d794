-- One row per person of an experiment and metric: whether the goal was reached within the window
-- after the assignment, both ends included.
with
    goals as (
        select ids.person_id, events.event_name, events.occurred_at
        from {{ ref("int_events") }} as events
        inner join {{ ref("int_identified_ids") }} as ids on events.distinct_id = ids.distinct_id
        where
            ids.person_id is not null
            and events.event_name in (select goal_event from {{ ref("experiments") }})
    ),

    windows as (
        select
            assignments.experiment,
            experiments.metric,
            experiments.goal_event,
            assignments.variant,
            assignments.person_id,
            assignments.assigned_at,
            assignments.assigned_at + experiments.window_days * interval '1 day' as window_ends_at
        from {{ ref("int_assignments") }} as assignments
        inner join
            {{ ref("experiments") }} as experiments
            on assignments.experiment = experiments.experiment
    )

select
    windows.experiment,
    windows.metric,
    windows.variant,
    windows.person_id,
    windows.assigned_at,
    windows.window_ends_at,
    count(goals.person_id) > 0 as is_converted
from windows
left join
    goals
    on windows.person_id = goals.person_id
    and windows.goal_event = goals.event_name
    and goals.occurred_at >= windows.assigned_at
    and goals.occurred_at <= windows.window_ends_at
group by
    windows.experiment,
    windows.metric,
    windows.variant,
    windows.person_id,
    windows.assigned_at,
    windows.window_ends_at
