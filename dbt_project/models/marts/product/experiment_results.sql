-- Sums are of whole numbers, so that the same rows give the same digits in any order.
with
    before as (
        select outcomes.experiment, outcomes.metric, outcomes.person_id, count(*) as days
        from {{ ref("int_experiment_outcomes") }} as outcomes
        inner join
            {{ ref("daily_active_people") }} as active
            on outcomes.person_id = active.person_id
            and active.active_date < cast(outcomes.assigned_at as date)
            and active.active_date
            >= {{ date_plus_days("cast(outcomes.assigned_at as date)", -28) }}
        group by outcomes.experiment, outcomes.metric, outcomes.person_id
    ),

    people as (
        select
            outcomes.*,
            case when outcomes.is_converted then 1 else 0 end as y,
            case when outcomes.window_ends_at > clock.as_of then 1 else 0 end as is_open,
            coalesce(before.days, 0) as x
        from {{ ref("int_experiment_outcomes") }} as outcomes
        cross join {{ ref("int_clock") }} as clock
        left join
            before
            on outcomes.experiment = before.experiment
            and outcomes.metric = before.metric
            and outcomes.person_id = before.person_id
    ),

    sums as (
        select
            arms.experiment,
            arms.metric,
            arms.variant,
            arms.is_control,
            arms.intended_share,
            arms.degrees,
            count(people.person_id) as n,
            cast(coalesce(sum(people.y), 0) as bigint) as y,
            cast(coalesce(sum(people.x), 0) as bigint) as x,
            cast(coalesce(sum(people.x * people.x), 0) as bigint) as xx,
            cast(coalesce(sum(people.x * people.y), 0) as bigint) as xy,
            cast(coalesce(sum(people.is_open), 0) as bigint) as open_count
        from {{ ref("int_experiment_arms") }} as arms
        left join
            people
            on arms.experiment = people.experiment
            and arms.metric = people.metric
            and arms.variant = people.variant
        group by 1, 2, 3, 4, 5, 6
    ),

    ratios as (
        select
            experiment,
            metric,
            max(degrees) as degrees,
            {{ chi_square_of_shares("n", "intended_share") }} as chi_square
        from sums
        group by experiment, metric
    ),

    mismatches as (
        select
            experiment,
            metric,
            -- A rounding error below zero is zero.
            {{
                chi_square_tail(
                    "(case when chi_square < 0 then 0.0 else chi_square end)", "degrees"
                )
            }} as srm_p
        from ratios
    ),

    effects as ({{ experiment_effects("sums", least_people=30) }})

select
    sums.experiment,
    sums.metric,
    sums.variant,
    sums.is_control,
    sums.n as assigned,
    sums.y as converted,
    sums.open_count,
    effects.rate,
    mismatches.srm_p,
    {% for figure in [
        "effect",
        "effect_low",
        "effect_high",
        "p_value",
        "cuped_effect",
        "cuped_low",
        "cuped_high",
    ] %}
        case when mismatches.srm_p >= 0.001 then effects.{{ figure }} end as {{ figure }},
    {% endfor %}
    case
        when mismatches.srm_p < 0.001
        then 'sample ratio mismatch'
        when sums.is_control
        then 'control'
        when effects.effect is null
        then 'too few people'
        when effects.effect_low > 0
        then 'better'
        when effects.effect_high < 0
        then 'worse'
        else 'no difference seen'
    end as verdict
from sums
inner join
    effects
    on sums.experiment = effects.experiment
    and sums.metric = effects.metric
    and sums.variant = effects.variant
inner join mismatches on sums.experiment = mismatches.experiment and sums.metric = mismatches.metric
