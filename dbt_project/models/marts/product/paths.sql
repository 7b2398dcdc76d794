-- A repeat at once is one step, and half an hour of nothing ends a path.
with
    edges as (
        {{
            path_edges(
                ref("int_path_events"), "event_name", gap_minutes=30, max_steps=6, collapse=true
            )
        }}
    ),

    -- `1_app_opened` to `2_task_completed`, as the engine numbers its steps.
    steps as (
        select
            cast(split_part(source, '_', 1) as bigint) as position,
            substr(source, length(split_part(source, '_', 1)) + 2) as source,
            substr(target, length(split_part(target, '_', 1)) + 2) as target,
            value as path_count
        from edges
    ),

    ranked as (
        select
            *,
            row_number() over (
                partition by position order by path_count desc, source, target
            ) as rank_in_position
        from steps
    )

select position, source, target, path_count, rank_in_position
from ranked
where rank_in_position <= 20
