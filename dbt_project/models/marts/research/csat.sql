-- CSAT of each wave, of all answers and of each segment, plan and survey: the share of the two best
-- answers, with its sampling error (normal approximation of a share).
with
    answers as ({{ answers_by_breakdown("csat") }}),

    scores as ({{ csat("answers", by=["wave", "breakdown", "group_name"]) }}),

    errors as (select *, 1.96 * sqrt(csat * (1 - csat) / total) as margin_95 from scores),

    compared as ({{ with_wave_before("errors", "csat") }})

select
    wave,
    breakdown,
    group_name,
    cast(total as bigint) as answer_count,
    cast(satisfied as bigint) as satisfied_count,
    cast(csat as {{ type_double() }}) as csat,
    cast(csat_mean as {{ type_double() }}) as csat_mean,
    cast(margin_95 as {{ type_double() }}) as margin_95,
    has_enough_answers,
    compared_with,
    cast(change as {{ type_double() }}) as csat_change,
    cast(change_margin_95 as {{ type_double() }}) as change_margin_95,
    is_change_significant
from compared
