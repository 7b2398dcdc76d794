-- CSAT of each wave, of all answers and of each segment, plan and survey: the share of the two best
-- answers, with its sampling error (normal approximation of a share).
with
    answers as ({{ answers_by_breakdown("csat") }}),

    scores as ({{ csat("answers", by=["wave", "breakdown", "group_name"]) }}),

    errors as (select *, 1.96 * sqrt(csat * (1 - csat) / total) as margin from scores),

    compared as (
        select
            errors.*,
            lag(wave) over (partition by breakdown, group_name order by wave) as previous_wave,
            lag(csat) over (partition by breakdown, group_name order by wave) as previous_csat,
            lag(total) over (partition by breakdown, group_name order by wave) as previous_total,
            lag(margin) over (partition by breakdown, group_name order by wave) as previous_margin
        from errors
    ),

    changes as (
        select
            *,
            total >= {{ var("least_answers") }}
            and previous_total >= {{ var("least_answers") }} as is_comparable,
            sqrt(margin * margin + previous_margin * previous_margin) as change_margin
        from compared
    )

select
    wave,
    breakdown,
    group_name,
    cast(total as bigint) as answer_count,
    cast(satisfied as bigint) as satisfied_count,
    cast(csat as {{ type_double() }}) as csat,
    cast(csat_mean as {{ type_double() }}) as csat_mean,
    cast(margin as {{ type_double() }}) as margin_95,
    total >= {{ var("least_answers") }} as has_enough_answers,
    case when is_comparable then previous_wave end as compared_with,
    case
        when is_comparable then cast(csat - previous_csat as {{ type_double() }})
    end as csat_change,
    case when is_comparable then cast(change_margin as {{ type_double() }}) end as change_margin_95,
    case
        when is_comparable then abs(csat - previous_csat) > change_margin
    end as is_change_significant
from changes
