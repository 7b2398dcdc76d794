-- Each study and each member of the panel: may they be asked now, in which order, and if not, why.
-- Who was approached least and longest ago comes first. Beside what a person says alone, an account
-- is asked at most account_cap times for a study, and a segment at most as often as the seed
-- study_quotas has it; who the study has asked already counts towards both.
with
    candidates as (select * from {{ ref("int_study_candidates") }}),

    of_accounts as (
        select
            *,
            sum(case when is_asked then 1 else 0 end) over (
                partition by study_id, account_id
            ) as account_asked_count,
            row_number() over (
                partition by study_id, account_id, own_reason
                order by contact_count, last_contacted_at nulls first, panellist_id
            ) as account_place
        from candidates
    ),

    capped as (
        select
            *,
            case
                when own_reason is not null
                then own_reason
                when
                    account_id is not null
                    and account_asked_count + account_place > {{ var("account_cap") }}
                then 'account_cap'
            end as reason
        from of_accounts
    ),

    of_segments as (
        select
            *,
            sum(case when is_asked then 1 else 0 end) over (
                partition by study_id, segment
            ) as segment_asked_count,
            row_number() over (
                partition by study_id, segment, reason
                order by contact_count, last_contacted_at nulls first, panellist_id
            ) as segment_place
        from capped
    ),

    decided as (
        select
            of_segments.*,
            quotas.quota as segment_quota,
            coalesce(
                of_segments.reason,
                case
                    when of_segments.segment_asked_count + of_segments.segment_place > quotas.quota
                    then 'segment_quota'
                end
            ) as exclusion_reason
        from of_segments
        left join
            {{ ref("study_quotas") }} as quotas
            on of_segments.study_id = quotas.study_id
            and of_segments.segment = quotas.segment
    )

select
    study_id,
    panellist_id,
    person_id,
    account_id,
    segment,
    joined_at,
    has_consent,
    contact_count,
    last_contacted_at,
    is_asked,
    cast(segment_quota as integer) as segment_quota,
    exclusion_reason is null as is_eligible,
    exclusion_reason,
    case
        when exclusion_reason is null
        then
            cast(
                row_number() over (
                    partition by study_id, exclusion_reason
                    order by contact_count, last_contacted_at nulls first, panellist_id
                ) as integer
            )
    end as place
from decided
