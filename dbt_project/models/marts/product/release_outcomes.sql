-- One row per shipped roadmap item and figure of what came of it: did it matter, to whom, and
-- were those who asked told. Accounts that ask are no random ones, so `adoption` and what is
-- kept say who took it up and stayed, not why; only what a flag dealt out is an effect, called
-- better or worse. What differs does so at 5 % for all items of that figure together
-- (Bonferroni).
with
    items as (
        select
            *,
            {{
                date_plus_days(
                    "shipped_date", "-1 * " ~ days_between("shipped_date", "outcome_date")
                )
            }} as before_date
        from {{ ref("shipped_items") }}
    ),

    needs as ({{ needs_of_items() }}),

    answers as (
        select items.roadmap_item_id, accounts.account_id is not null as has_asked, said.score
        from items
        inner join
            {{ ref("survey_responses") }} as said
            on said.submitted_at >= items.shipped_at
            and said.submitted_at < items.outcome_date
        left join
            {{ ref("release_accounts") }} as accounts
            on items.roadmap_item_id = accounts.roadmap_item_id
            and said.account_id = accounts.account_id
            and accounts.has_asked
        where said.metric = 'nps' and said.is_counted and said.account_id is not null
    ),

    nps as ({{ nps_beside_others("answers", "roadmap_item_id", "has_asked") }}),

    outcomes as (
        select *
        from ({{ outcomes_of_accounts(ref("release_accounts")) }}) as of_accounts
        union all
        select *
        from ({{ outcomes_of_mentions("items", "needs") }}) as of_mentions
        union all
        select *
        from
            (
                {{
                    outcomes_of_retention(
                        "items", ref("rollout_results"), ref("feature_retention")
                    )
                }}
            ) as of_retention
        union all
        select *
        from ({{ outcomes_of_nps("nps") }}) as of_nps
    ),

    judged as (
        select
            items.*,
            outcomes.metric,
            outcomes.method,
            outcomes.n,
            outcomes.value,
            outcomes.other_n,
            outcomes.other_value,
            outcomes.effect,
            outcomes.error,
            -- What a flag dealt out is read when that roll-out is old enough.
            items.outcome_date > clock.last_complete_date
            and outcomes.method <> 'dealt by a flag' as is_early,
            outcomes.error_if_alike,
            {{ two_sided_p("outcomes.effect", "outcomes.error_if_alike") }}
            * count(outcomes.error_if_alike) over (partition by outcomes.metric) as chance
        from outcomes
        inner join items on outcomes.roadmap_item_id = items.roadmap_item_id
        cross join {{ ref("int_clock") }} as clock
    )

select
    roadmap_item_id,
    roadmap_item,
    feature_id,
    repository,
    release_tag,
    shipped_date,
    outcome_date,
    metric,
    method,
    n as case_count,
    cast(value as {{ type_double() }}) as value,
    other_n as other_count,
    cast(other_value as {{ type_double() }}) as other_value,
    cast(effect as {{ type_double() }}) as effect,
    cast(1.96 * error as {{ type_double() }}) as effect_margin_95,
    case
        when is_early
        then 'too early'
        when metric = 'requesters_told'
        then case when value = 1 then 'told' when value = 0 then 'nobody told' else 'some told' end
        when
            error_if_alike is null
            or least(n, other_n) < {{ var("least_answers") }}
            and (metric <> 'mentions' or n + other_n < {{ var("least_answers") }})
        then 'cannot tell'
        when chance >= 0.05
        then 'no difference'
        -- Who asks, and who still asks, says nothing of good or bad by itself.
        when metric = 'mentions'
        then case when effect < 0 then 'fewer' else 'more' end
        when metric <> 'user_retention'
        then case when effect > 0 then 'higher' else 'lower' end
        when effect > 0
        then 'better'
        else 'worse'
    end as verdict
from judged
