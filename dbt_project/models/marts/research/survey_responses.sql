with
    scores as (
        select
            *,
            cast(extract(year from submitted_at) as varchar)
            || '-Q'
            || cast(extract(quarter from submitted_at) as varchar) as wave
        from {{ ref("int_scored_answers") }}
        where not is_internal and submitted_at is not null
    ),

    -- One answer a person, survey and wave, the latest that was finished: who answers twice is
    -- not two people.
    ranked as (
        select
            *,
            row_number() over (
                partition by source, form_id, metric, wave, respondent_key, is_valid, is_complete
                order by submitted_at desc, token desc, form_id, field_ref
            ) as recency
        from scores
    )

select
    form_id || ':' || public_token || ':' || field_ref as response_id,
    source,
    form_id,
    form_title,
    public_token as token,
    person_id,
    account_id,
    submitted_at,
    wave,
    metric,
    score,
    is_valid and is_complete and recency = 1 as is_counted,
    case
        when not is_valid
        then 'off_scale'
        when not is_complete
        then 'not_completed'
        when recency > 1
        then 'answered_again'
    end as exclusion_reason,
    -- +100, 0 or -100, so that NPS over any group of responses is a plain average.
    case
        when metric <> 'nps' or not is_valid or not is_complete or recency > 1
        then null
        when score >= 9
        then 100
        when score <= 6
        then -100
        else 0
    end as nps_points
from ranked
