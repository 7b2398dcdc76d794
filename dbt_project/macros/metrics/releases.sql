{#- What came of what was shipped: rows for product.release_outcomes. -#}
{#- (roadmap_item_id, metric, method, n, value, other_n, other_value, effect, error), the last two null
    where nothing can be compared. accounts: as product.release_accounts. `adoption` is of accounts
    that did not use the feature before, `accounts_kept` and `revenue_kept` of those that paid. -#}
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

        revenue as (
            select
                roadmap_item_id,
                count(case when has_asked and was_kept is not null then 1 end) as n,
                count(case when not has_asked and was_kept is not null then 1 end) as other_n,
                sum(case when has_asked and was_kept is not null then later_arr_usd end) / nullif(
                    sum(case when has_asked and was_kept is not null then arr_usd end), 0
                ) as rate,
                sum(
                    case when not has_asked and was_kept is not null then later_arr_usd end
                ) / nullif(
                    sum(case when not has_asked and was_kept is not null then arr_usd end), 0
                ) as other_rate
            from accounts
            group by roadmap_item_id
        )

        {% set beside = "who asked beside who did not" %}
    select
        roadmap_item_id,
        'adoption' as metric,
        '{{ beside }}' as method,
        n,
        rate as value,
        other_n,
        other_rate as other_value,
        difference as effect,
        error
    from adoption
    where n + other_n > 0
    union all
    select
        roadmap_item_id,
        'accounts_kept',
        '{{ beside }}',
        n,
        rate,
        other_n,
        other_rate,
        difference,
        error
    from kept
    where n + other_n > 0
    union all
    select
        roadmap_item_id,
        'revenue_kept',
        '{{ beside }}',
        n,
        rate,
        other_n,
        other_rate,
        rate - other_rate,
        null
    from revenue
    where n + other_n > 0
    union all
    select roadmap_item_id, 'requesters_told', 'count', n, rate, null, null, null, null
    from told
    where n > 0
{%- endmacro %}

{#- The same columns: unsolicited needs in as many days before an item came as after. An error of the
    difference of two counts is the root of their sum. items: as delivery.shipped_items, with the day
    `before_date` that is as long before it as outcome_date is after; needs: (roadmap_item_id,
    item_id, occurred_at). -#}
{% macro outcomes_of_mentions(items, needs) -%}
    with
        counts as (
            select
                items.roadmap_item_id,
                count(
                    distinct case
                        when
                            needs.occurred_at >= items.before_date
                            and needs.occurred_at < items.shipped_date
                        then needs.item_id
                    end
                ) as before_count,
                count(
                    distinct case
                        when
                            needs.occurred_at >= items.shipped_date
                            and needs.occurred_at < items.outcome_date
                        then needs.item_id
                    end
                ) as after_count
            from {{ items }} as items
            left join {{ needs }} as needs on items.roadmap_item_id = needs.roadmap_item_id
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
        nullif(sqrt(after_count + before_count), 0) as error
    from counts
{%- endmacro %}

{#- The same columns: whether people were back in the twelfth week. Where a flag dealt the feature out
    it is the effect of that; else what is left of the difference between users and others who were
    there on as many days, which has no error, for people chose. -#}
{% macro outcomes_of_retention(items, rollouts, feature_retention) -%}
    select
        items.roadmap_item_id,
        'user_retention' as metric,
        'dealt by a flag' as method,
        rollouts.treated_count as n,
        rollouts.treated_retained_count * 1.0 / rollouts.treated_count as value,
        rollouts.control_count as other_n,
        rollouts.control_retained_count * 1.0 / nullif(rollouts.control_count, 0) as other_value,
        rollouts.effect,
        (rollouts.effect_high - rollouts.effect) / 1.96 as error
    from {{ items }} as items
    inner join {{ rollouts }} as rollouts on items.feature_id = rollouts.feature_id
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
        null as error
    from {{ items }} as items
    inner join
        {{ feature_retention }} as retention
        on items.feature_id = retention.feature_id
        and retention.base_week = {{ date_plus_days(week_start("items.shipped_date"), 7) }}
    left join {{ rollouts }} as rollouts on items.feature_id = rollouts.feature_id
    where rollouts.feature_id is null
{%- endmacro %}
