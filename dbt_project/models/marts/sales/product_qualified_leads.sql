-- An account is qualified when it did all that activation_rules asks, from the moment it did the
-- last of it. The score orders leads and qualifies nobody: fit × usage × intent, each from 0 to 1.
with
    usage as (
        select
            account_id,
            sum(case when met_at is null then 0 else 1 end) as rules_met,
            {{ joined_text("event_name || ' ' || use_count || ' of ' || at_least", "event_name") }}
            as reasons
        from {{ ref("int_lead_usage") }}
        group by account_id
    ),

    intent as (
        select
            account_id,
            max(intent) as intent,
            {{ joined_text("page_path || ' seen ' || view_count || ' times'", "page_path") }}
            as reasons
        from {{ ref("int_lead_intent") }}
        group by account_id
    ),

    asked as (select count(*) as rule_count from {{ ref("activation_rules") }}),

    unseen as (select intent from {{ ref("lead_intent_pages") }} where page_path = '(none)'),

    scored as (
        select
            creators.account_id,
            creators.signed_up_at,
            traits.segment,
            cast(coalesce(fit.fit, 0) as {{ type_double() }}) as fit_score,
            cast(
                coalesce(usage.rules_met, 0) * 1.0 / asked.rule_count as {{ type_double() }}
            ) as usage_score,
            cast(coalesce(intent.intent, unseen.intent) as {{ type_double() }}) as intent_score,
            activated.activated_at as qualified_at,
            traits.segment
            || coalesce('; ' || usage.reasons, '')
            || coalesce('; ' || intent.reasons, '') as reasons,
            billing.first_paid_at,
            {{ later_bucket("creators.signed_up_at", var("lead_mature_days"), "day") }}
            <= clock.as_of as is_mature
        from {{ ref("int_account_creators") }} as creators
        cross join asked
        cross join unseen
        cross join {{ ref("int_clock") }} as clock
        inner join
            {{ ref("int_account_traits") }} as traits on creators.account_id = traits.account_id
        left join {{ ref("lead_fit") }} as fit on traits.segment = fit.segment
        left join usage on creators.account_id = usage.account_id
        left join intent on creators.account_id = intent.account_id
        left join
            {{ ref("int_activated_accounts") }} as activated
            on creators.account_id = activated.account_id
        left join
            {{ ref("int_account_billing") }} as billing on creators.account_id = billing.account_id
    )

select
    account_id,
    signed_up_at,
    segment,
    fit_score,
    usage_score,
    intent_score,
    fit_score * usage_score * intent_score as lead_score,
    qualified_at is not null as is_qualified,
    qualified_at,
    reasons,
    first_paid_at,
    first_paid_at is not null as is_paid,
    is_mature,
    qualified_at is not null and first_paid_at is null and not is_mature as is_open
from scored
