-- One row per roll-out of a feature by a flag that deals users to it: how many of whom it was
-- dealt to were back in the twelfth week beside those it was not (intention to treat), and what
-- one would have said of who used it (naive). A cluster is an account, or a person without one.
with
    rollouts as (
        select rollouts.*
        from {{ ref("feature_rollouts") }} as rollouts
        cross join {{ ref("int_clock") }} as clock
        where {{ date_plus_days("rollouts.starts_on", 83) }} <= clock.last_complete_date
    ),

    back as (
        select distinct rollouts.rollout, days.person_id
        from rollouts
        inner join
            {{ ref("daily_active_people") }} as days
            on days.active_date >= {{ date_plus_days("rollouts.starts_on", 77) }}
            and days.active_date <= {{ date_plus_days("rollouts.starts_on", 83) }}
    ),

    used as (
        select distinct rollouts.rollout, weeks.person_id
        from rollouts
        inner join
            {{ ref("int_person_feature_weeks") }} as weeks
            on rollouts.feature_id = weeks.feature_id
            and weeks.week_start >= {{ week_start("rollouts.starts_on") }}
            and weeks.week_start < {{ date_plus_days(week_start("rollouts.starts_on"), 28) }}
    ),

    -- Of a flag with variants, false is who was not to be told apart at all.
    variants as (
        select flag from {{ ref("int_flag_calls") }} where variant = 'control' group by flag
    ),

    people as (
        select
            rollouts.rollout,
            calls.person_id,
            coalesce(traits.account_id, calls.person_id) as cluster_id,
            case when calls.variant in ('false', 'control') then 0 else 1 end as is_treated,
            case when used.person_id is null then 0 else 1 end as is_user,
            case when back.person_id is null then 0 else 1 end as is_retained
        from rollouts
        inner join
            {{ ref("int_flag_calls") }} as calls
            on rollouts.flag = calls.flag
            and calls.occurred_at >= rollouts.starts_on
            and calls.occurred_at
            < {{ date_plus_days("rollouts.starts_on", "rollouts.enrolment_days") }}
        left join variants on rollouts.flag = variants.flag
        left join {{ ref("int_person_traits") }} as traits on calls.person_id = traits.person_id
        left join back on rollouts.rollout = back.rollout and calls.person_id = back.person_id
        left join used on rollouts.rollout = used.rollout and calls.person_id = used.person_id
        where calls.variant is not null and (variants.flag is null or calls.variant <> 'false')
    ),

    chosen as (
        select people.*, 'dealt' as side
        from people
        where is_treated = 1
        union all
        select people.*, 'used' as side
        from people
        where is_user = 1
    ),

    compared as (
        {{
            clustered_difference(
                "chosen",
                "people",
                group="side",
                within="rollout",
                cluster="cluster_id",
                outcome="is_retained",
            )
        }}
    ),

    taken_up as (
        select
            rollout,
            avg(case when is_treated = 1 then is_user end) as adoption,
            avg(case when is_treated = 0 then is_user end) as control_adoption,
            least(
                count(distinct case when is_treated = 1 then cluster_id end),
                count(distinct case when is_treated = 0 then cluster_id end)
            ) as cluster_count,
            least(sum(is_treated), sum(1 - is_treated)) as people_count
        from people
        group by rollout
    )

select
    rollouts.rollout,
    rollouts.feature_id,
    rollouts.flag,
    rollouts.starts_on,
    dealt.chosen_count as treated_count,
    dealt.chosen_outcomes as treated_retained_count,
    dealt.other_count as control_count,
    dealt.other_outcomes as control_retained_count,
    dealt.difference as effect,
    dealt.difference - 1.96 * dealt.error as effect_low,
    dealt.difference + 1.96 * dealt.error as effect_high,
    cast(taken_up.adoption as {{ type_double() }}) as treated_adoption,
    dealt.difference
    / nullif(taken_up.adoption - taken_up.control_adoption, 0) as effect_per_adopter,
    used.chosen_count as user_count,
    used.difference as naive_effect,
    used.difference - 1.96 * used.error as naive_low,
    used.difference + 1.96 * used.error as naive_high,
    case
        -- An interval from few accounts is too narrow: below twenty it covers less than 90 %.
        when
            nullif(round(dealt.error, 9), 0) is null
            or taken_up.cluster_count < 20
            or taken_up.people_count < {{ var("least_answers") }}
        then 'cannot tell'
        when dealt.difference - 1.96 * dealt.error > 0
        then 'better'
        when dealt.difference + 1.96 * dealt.error < 0
        then 'worse'
        else 'no difference'
    end as verdict
from rollouts
inner join compared as dealt on rollouts.rollout = dealt.rollout and dealt.side = 'dealt'
inner join taken_up on rollouts.rollout = taken_up.rollout
left join compared as used on rollouts.rollout = used.rollout and used.side = 'used'
