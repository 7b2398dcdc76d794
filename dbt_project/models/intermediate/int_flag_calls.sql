-- What the first call of a flag told each person, of the flags that an experiment or a
-- roll-out names. Later answers, after a merge or a change of the roll-out, change nobody's
-- side.
with
    flags as (
        select flag
        from {{ ref("experiments") }}
        union
        select flag
        from {{ ref("feature_rollouts") }}
    ),

    calls as (
        select
            calls.flag,
            ids.person_id,
            calls.variant,
            calls.occurred_at,
            row_number() over (
                partition by calls.flag, ids.person_id order by calls.occurred_at, calls.event_id
            ) as call
        from {{ ref("stg_posthog__flag_calls") }} as calls
        inner join flags on calls.flag = flags.flag
        inner join {{ ref("int_identified_ids") }} as ids on calls.distinct_id = ids.distinct_id
        where
            calls.event_id is not null
            and calls.occurred_at is not null
            and ids.person_id is not null
            and not ids.is_internal
    )

select flag, person_id, variant, occurred_at
from calls
where call = 1
