-- NPS of each wave, of all answers and of each segment, plan and survey, with its sampling error. A
-- change is shown from thirty answers on in both waves, and said to be one only beyond its own
-- error.
with
    answers as ({{ answers_by_breakdown("nps") }}),

    scores as ({{ nps("answers", by=["wave", "breakdown", "group_name"]) }}),

    compared as ({{ with_wave_before("scores", "nps") }})

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
    has_enough_answers,
    compared_with,
    cast(change as {{ type_double() }}) as nps_change,
    cast(change_margin_95 as {{ type_double() }}) as change_margin_95,
    is_change_significant
from compared
