-- The variant of each person in each declared experiment: what their first call of the flag said.
-- Later answers, after a merge or a change of the roll-out, change nobody's arm.
with
    calls as (
        select
            experiments.experiment,
            ids.person_id,
            calls.variant,
            calls.occurred_at,
            row_number() over (
                partition by experiments.experiment, ids.person_id
                order by calls.occurred_at, calls.event_id
            ) as call
        from {{ ref("stg_posthog__flag_calls") }} as calls
        inner join
            (select distinct experiment, flag from {{ ref("experiments") }}) as experiments
            on calls.flag = experiments.flag
        inner join {{ ref("int_identified_ids") }} as ids on calls.distinct_id = ids.distinct_id
        where
            calls.event_id is not null
            and calls.occurred_at is not null
            and ids.person_id is not null
            and not ids.is_internal
    )

select calls.experiment, calls.person_id, calls.variant, calls.occurred_at as assigned_at
from calls
inner join
    {{ ref("experiment_variants") }} as variants
    on calls.experiment = variants.experiment
    and calls.variant = variants.variant
where calls.call = 1
