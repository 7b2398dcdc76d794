{#- What came of what was shipped: rows for product.release_outcomes. -#}
{#- (roadmap_item_id, item_id, source, account_id, occurred_at): what was asked for unasked, by the item
    that it was put under, else the one of its theme. A need without either names none. -#}
{% macro needs_of_items() -%}
    select
        coalesce(feedback.roadmap_item_id, projects.project_id) as roadmap_item_id,
        feedback.item_id,
        feedback.source,
        feedback.account_id,
        feedback.occurred_at
    from {{ ref("feedback") }} as feedback
    left join {{ ref("int_theme_projects") }} as projects on feedback.theme = projects.theme
    where not feedback.is_solicited and feedback.severity_weight > 0
{%- endmacro %}

{#- (roadmap_item_id, metric, method, n, value, other_n, other_value, effect, error, error_if_alike),
    the last three null where nothing can be compared; the last is what a test takes for the error if
    there is no difference. accounts: as product.release_accounts. `adoption` is of accounts that paid
    and did not use the feature before, `accounts_kept` and `revenue_kept` of those that paid. -#}
{% macro outcomes_of_accounts(accounts) -%}
    with
        accounts as (
            select
                *,
                case
                    when not has_used_before and arr_usd > 0
                    then case when is_using then 1 else 0 end
                end as adopted,
                case
                    when arr_usd > 0 and later_arr_usd is not null
                    then case when later_arr_usd > 0 then 1 else 0 end
                end as was_kept
            from {{ accounts }}
        ),

        adoption as (
            {{ shares_beside_others("accounts", "roadmap_item_id", "has_asked", "adopted") }}
        ),

        kept as (
            {{ shares_beside_others("accounts", "roadmap_item_id", "has_asked", "was_kept") }}
        ),

        told as (
            select
                roadmap_item_id,
                count(is_told) as n,
                sum(case when is_told then 1 else 0 end) * 1.0 / nullif(count(is_told), 0) as rate
            from accounts
            where has_asked
            group by roadmap_item_id
        ),

        paid as (
            select
                roadmap_item_id, has_asked, count(*) as n, sum(later_arr_usd) / sum(arr_usd) as rate
            from accounts
            where was_kept is not null
            group by roadmap_item_id, has_asked
        ),

        revenue as (
            select
                roadmap_item_id,
                coalesce(max(case when has_asked then n end), 0) as n,
                coalesce(max(case when not has_asked then n end), 0) as other_n,
                max(case when has_asked then rate end) as rate,
                max(case when not has_asked then rate end) as other_rate
            from paid
            group by roadmap_item_id
        )

        {% set beside = "who asked beside who did not" %}
    {% for metric, relation in [("adoption", "adoption"), ("accounts_kept", "kept")] %}
        select
            roadmap_item_id,
            '{{ metric }}' as metric,
            '{{ beside }}' as method,
            n,
            rate as value,
            other_n,
            other_rate as other_value,
            difference as effect,
            error,
            error_if_alike
        from {{ relation }}
        where n + other_n > 0
        union all
    {% endfor %}
    select
        roadmap_item_id,
        'revenue_kept',
        '{{ beside }}',
        n,
        rate,
        other_n,
        other_rate,
        rate - other_rate,
        null,
        null
    from revenue
    union all
    select roadmap_item_id, 'requesters_told', 'count', n, rate, null, null, null, null, null
    from told
    where n > 0
{%- endmacro %}

{#- The same columns: unsolicited needs in as many days after an item came as before, from channels
    that were there all the time. An error of the difference of two counts is the root of their sum.
    items: as delivery.shipped_items, with the day `before_date` that is as long before it as
    outcome_date is after; needs: (roadmap_item_id, item_id, source, occurred_at). -#}
{% macro outcomes_of_mentions(items, needs) -%}
    with
        channels as (
            select source, min(occurred_at) as first_heard_at from {{ needs }} group by source
        ),

        heard as (
            select
                items.roadmap_item_id,
                needs.item_id,
                needs.occurred_at >= items.shipped_date as is_after
            from {{ items }} as items
            inner join
                {{ needs }} as needs
                on items.roadmap_item_id = needs.roadmap_item_id
                and needs.occurred_at >= items.before_date
                and needs.occurred_at < items.outcome_date
            inner join
                channels
                on needs.source = channels.source
                and channels.first_heard_at < items.before_date
        ),

        counts as (
            select
                items.roadmap_item_id,
                count(distinct case when not heard.is_after then heard.item_id end) as before_count,
                count(distinct case when heard.is_after then heard.item_id end) as after_count
            from {{ items }} as items
            left join heard on items.roadmap_item_id = heard.roadmap_item_id
            group by items.roadmap_item_id
        )

    select
        roadmap_item_id,
        'mentions' as metric,
        'after beside before' as method,
        after_count as n,
        after_count as value,
        before_count as other_n,
        before_count as other_value,
        after_count - before_count as effect,
        nullif(sqrt(after_count + before_count), 0) as error,
        nullif(sqrt(after_count + before_count), 0) as error_if_alike
    from counts
{%- endmacro %}

{#- The same columns: whether people were back in the twelfth week. Where a flag dealt the feature out
    it is the effect of that, for the item that came nearest to the roll-out; else what is left of the
    difference between users and others who were there on as many days, which has no error, for people
    chose. -#}
{% macro outcomes_of_retention(items, rollouts, feature_retention) -%}
    with
        near as (
            select
                items.roadmap_item_id,
                rollouts.*,
                row_number() over (
                    partition by rollouts.rollout
                    order by
                        abs({{ days_between("items.shipped_date", "rollouts.starts_on") }}),
                        items.roadmap_item_id
                ) as nth_item,
                row_number() over (
                    partition by items.roadmap_item_id
                    order by
                        abs({{ days_between("items.shipped_date", "rollouts.starts_on") }}),
                        rollouts.rollout
                ) as nth_rollout
            from {{ items }} as items
            inner join {{ rollouts }} as rollouts on items.feature_id = rollouts.feature_id
        ),

        dealt as (select * from near where nth_item = 1 and nth_rollout = 1)

    select
        roadmap_item_id,
        'user_retention' as metric,
        'dealt by a flag' as method,
        treated_count as n,
        treated_retained_count * 1.0 / nullif(treated_count, 0) as value,
        control_count as other_n,
        control_retained_count * 1.0 / nullif(control_count, 0) as other_value,
        effect,
        (effect_high - effect) / 1.96 as error,
        case when verdict <> 'cannot tell' then (effect_high - effect) / 1.96 end as error_if_alike
    from dealt
    union all
    select
        items.roadmap_item_id,
        'user_retention' as metric,
        'users beside others as active' as method,
        retention.user_count as n,
        retention.user_retained_count * 1.0 / retention.user_count as value,
        retention.other_count as other_n,
        retention.other_retained_count * 1.0 / nullif(retention.other_count, 0) as other_value,
        retention.matched_effect as effect,
        null as error,
        null as error_if_alike
    from {{ items }} as items
    inner join
        {{ feature_retention }} as retention
        on items.feature_id = retention.feature_id
        and retention.base_week = {{ date_plus_days(week_start("items.shipped_date"), 7) }}
    left join dealt on items.roadmap_item_id = dealt.roadmap_item_id
    where dealt.roadmap_item_id is null
{%- endmacro %}

{#- The same columns, of what nps_beside_others gives for each roadmap_item_id. -#}
{% macro outcomes_of_nps(nps) -%}
    select
        roadmap_item_id,
        'nps' as metric,
        'who asked beside who did not' as method,
        answers as n,
        nps as value,
        other_answers as other_n,
        nps_others as other_value,
        difference as effect,
        margin_95 / 1.96 as error,
        margin_95 / 1.96 as error_if_alike
    from {{ nps }}
{%- endmacro %}
