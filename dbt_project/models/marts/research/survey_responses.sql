with
    scores as (
        select
            scores.*,
            respondents.person_id,
            respondents.account_id,
            respondents.respondent_key,
            responses.submitted_at,
            cast(extract(year from responses.submitted_at) as varchar)
            || '-Q'
            || cast(extract(quarter from responses.submitted_at) as varchar) as wave
        from {{ ref("int_survey_scores") }} as scores
        inner join
            {{ ref("stg_typeform__responses") }} as responses
            on scores.form_id = responses.form_id
            and scores.token = responses.token
        inner join
            {{ ref("int_respondents") }} as respondents
            on scores.form_id = respondents.form_id
            and scores.token = respondents.token
        where not respondents.is_internal and responses.submitted_at is not null
    ),

    -- One answer a person and wave, the latest: people who answer twice are not two people.
    ranked as (
        select
            *,
            row_number() over (
                partition by metric, wave, respondent_key, is_valid
                order by submitted_at desc, token desc, form_id, field_ref
            ) as recency
        from scores
    )

select
    ranked.form_id || ':' || pseudonyms.pseudonym || ':' || ranked.field_ref as response_id,
    ranked.form_id,
    forms.form_title,
    pseudonyms.pseudonym as token,
    ranked.person_id,
    ranked.account_id,
    ranked.submitted_at,
    ranked.wave,
    ranked.metric,
    ranked.score,
    ranked.is_valid and ranked.recency = 1 as is_counted,
    case
        when not ranked.is_valid then 'off_scale' when ranked.recency > 1 then 'answered_again'
    end as exclusion_reason,
    -- +100, 0 or -100, so that NPS over any group of responses is a plain average.
    case
        when ranked.metric <> 'nps' or not ranked.is_valid or ranked.recency > 1
        then null
        when ranked.score >= 9
        then 100
        when ranked.score <= 6
        then -100
        else 0
    end as nps_points
from ranked
left join {{ ref("stg_typeform__forms") }} as forms on ranked.form_id = forms.form_id
left join
    {{ ref("stg_typeform__pseudonyms") }} as pseudonyms
    on pseudonyms.raw_id = ranked.form_id || ':' || ranked.token
