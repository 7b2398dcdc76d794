-- The variant of each person in each declared experiment.
select experiments.experiment, calls.person_id, calls.variant, calls.occurred_at as assigned_at
from {{ ref("int_flag_calls") }} as calls
inner join
    (select distinct experiment, flag from {{ ref("experiments") }}) as experiments
    on calls.flag = experiments.flag
inner join
    {{ ref("experiment_variants") }} as variants
    on experiments.experiment = variants.experiment
    and calls.variant = variants.variant
