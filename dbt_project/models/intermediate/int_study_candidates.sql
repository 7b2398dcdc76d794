-- Each study and each member of the panel with what they alone say about being asked: consent, how
-- often anybody approached them, whether the study has. Reasons are tried in the order of the case
-- below; the first that holds is the one shown.
{% set window_days = var("contact_window_days") %}
with
    clock as (select as_of from {{ ref("int_clock") }}),

    consents as (
        select
            consents.participant_id,
            consents.is_given,
            row_number() over (
                partition by consents.participant_id
                -- Who withdrew in the same second has withdrawn.
                order by consents.recorded_at desc, consents.is_given
            ) as recency
        from {{ ref("stg_research_files__consents") }} as consents
        cross join clock
        where
            consents.purpose = '{{ var("research_consent_purpose") }}'
            and consents.recorded_at <= clock.as_of
    ),

    -- Two entries of one person in the panel are asked as one.
    panel as (
        select
            panellists.*,
            coalesce(panellists.person_id, panellists.panellist_id) as guard_key,
            coalesce(traits.segment, 'unknown') as segment,
            coalesce(consents.is_given, false) as has_consent
        from {{ ref("int_panellists") }} as panellists
        cross join clock
        left join
            {{ ref("int_account_traits") }} as traits on panellists.account_id = traits.account_id
        left join
            consents on panellists.participant_id = consents.participant_id and consents.recency = 1
        where panellists.joined_at <= clock.as_of
    ),

    touches as (
        select
            panel.guard_key,
            touches.touch_id,
            touches.study_id,
            min(touches.touched_at) as touched_at
        from {{ ref("int_contact_touches") }} as touches
        inner join panel on touches.participant_id = panel.participant_id
        cross join clock
        where touches.touched_at <= clock.as_of
        group by panel.guard_key, touches.touch_id, touches.study_id
    ),

    contacted as (
        select
            touches.guard_key,
            sum(
                case
                    when {{ later_bucket("touches.touched_at", window_days, "day") }} > clock.as_of
                    then 1
                    else 0
                end
            ) as contact_count,
            max(touches.touched_at) as last_contacted_at
        from touches
        cross join clock
        group by touches.guard_key
    ),

    asked as (
        select guard_key, study_id
        from touches
        where study_id is not null
        group by guard_key, study_id
    )

select
    studies.study_id,
    panel.panellist_id,
    panel.person_id,
    panel.account_id,
    panel.segment,
    panel.joined_at,
    panel.has_consent,
    cast(coalesce(contacted.contact_count, 0) as bigint) as contact_count,
    contacted.last_contacted_at,
    asked.guard_key is not null as is_asked,
    case
        when panel.is_internal
        then 'internal'
        when not panel.has_consent
        then 'no_consent'
        when coalesce(contacted.contact_count, 0) >= {{ var("contact_limit") }}
        then 'contacted_too_often'
        when asked.guard_key is not null
        then 'asked_already'
    end as own_reason
from {{ ref("stg_research_files__studies") }} as studies
cross join panel
left join contacted on panel.guard_key = contacted.guard_key
left join asked on panel.guard_key = asked.guard_key and studies.study_id = asked.study_id
