-- NPS of each wave, of all answers and of each segment, plan and survey, with its sampling error. A
-- change is shown from thirty answers on in both waves, and said to be one only beyond its own
-- error.
with
    answers as ({{ answers_by_breakdown("nps") }}),

    scores as ({{ nps("answers", by=["wave", "breakdown", "group_name"]) }}),

    compared as (
        select
            scores.*,
            lag(wave) over (partition by breakdown, group_name order by wave) as previous_wave,
            lag(nps) over (partition by breakdown, group_name order by wave) as previous_nps,
            lag(total) over (partition by breakdown, group_name order by wave) as previous_total,
            lag(standard_error) over (
                partition by breakdown, group_name order by wave
            ) as previous_error
        from scores
    ),

    changes as (
        select
            *,
            total >= {{ var("least_answers") }}
            and previous_total >= {{ var("least_answers") }} as is_comparable,
            1.96 * sqrt(standard_error * standard_error + previous_error * previous_error) as margin
        from compared
    )

select
    wave,
    breakdown,
    group_name,
    cast(total as bigint) as answer_count,
    cast(promoters as bigint) as promoter_count,
    cast(passives as bigint) as passive_count,
    cast(detractors as bigint) as detractor_count,
    cast(nps as {{ type_double() }}) as nps,
    cast(standard_error as {{ type_double() }}) as standard_error,
    cast(margin_95 as {{ type_double() }}) as margin_95,
    total >= {{ var("least_answers") }} as has_enough_answers,
    case when is_comparable then previous_wave end as compared_with,
    case when is_comparable then cast(nps - previous_nps as {{ type_double() }}) end as nps_change,
    case when is_comparable then cast(margin as {{ type_double() }}) end as change_margin_95,
    case when is_comparable then abs(nps - previous_nps) > margin end as is_change_significant
from changes
