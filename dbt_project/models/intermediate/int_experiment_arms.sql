{{ config(materialized="view") }}
-- Every variant that should have people, with the share that it should have of them.
select
    experiments.experiment,
    experiments.metric,
    variants.variant,
    variants.is_control,
    variants.intended_share / sum(variants.intended_share) over (
        partition by experiments.experiment, experiments.metric
    ) as intended_share,
    count(*) over (partition by experiments.experiment, experiments.metric) - 1 as degrees
from {{ ref("experiments") }} as experiments
inner join
    {{ ref("experiment_variants") }} as variants on experiments.experiment = variants.experiment
