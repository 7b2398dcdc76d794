{#- Feedback as needs: what somebody says of his own accord that is at least a wish. -#}
{#- A row per need, theme and month in whose window it was said: the month itself and those before it,
    `window` together. feedback: as research.feedback; months: (month_start). -#}
{% macro needs_in_window(feedback, months, window) -%}
    select
        months.month_start,
        cast(date_trunc('month', feedback.occurred_at) as date) as said_month,
        feedback.item_id,
        feedback.theme,
        feedback.account_id,
        feedback.person_id,
        feedback.segment,
        feedback.roadmap_item_id,
        feedback.severity,
        feedback.theme_confidence,
        feedback.weight * feedback.severity_weight as severity_weight
    from {{ feedback }} as feedback
    inner join
        {{ months }} as months
        on feedback.occurred_at >= {{ later_bucket("months.month_start", 1 - window, "month") }}
        and feedback.occurred_at < {{ later_bucket("months.month_start", 1, "month") }}
    where not feedback.is_solicited and feedback.severity_weight > 0
{%- endmacro %}

{#- (month_start, account_id, <key>, share): how an account's needs of a window divide over the values
    of a column, by severity. The shares of an account and month sum to 1. -#}
{% macro need_shares(needs, key) -%}
    select
        month_start,
        account_id,
        {{ key }},
        sum(severity_weight)
        / sum(sum(severity_weight)) over (partition by month_start, account_id) as share
    from {{ needs }}
    where account_id is not null
    group by month_start, account_id, {{ key }}
{%- endmacro %}

{#- (month_start, theme, segment, own_count, own_nps, other_count, other_nps): NPS of the people who
    asked for a theme in the window, and of all others of the segment who answered in it. -#}
{% macro nps_by_need(needs, months, responses, window) -%}
    with
        answers as (
            select
                months.month_start,
                responses.person_id,
                coalesce(traits.segment, 'unknown') as segment,
                responses.nps_points
            from {{ responses }} as responses
            inner join
                {{ months }} as months
                on responses.submitted_at
                >= {{ later_bucket("months.month_start", 1 - window, "month") }}
                and responses.submitted_at < {{ later_bucket("months.month_start", 1, "month") }}
            left join
                {{ ref("int_account_traits") }} as traits
                on responses.account_id = traits.account_id
            where responses.nps_points is not null
        ),

        scoped as (
            select month_start, person_id, segment, nps_points
            from answers
            union all
            select month_start, person_id, 'all' as segment, nps_points
            from answers
        ),

        everybody as (
            select month_start, segment, count(*) as answer_count, sum(nps_points) as points
            from scoped
            group by month_start, segment
        ),

        asked as (
            select distinct month_start, theme, person_id
            from {{ needs }}
            where person_id is not null
        ),

        own as (
            select
                asked.month_start,
                asked.theme,
                scoped.segment,
                count(*) as answer_count,
                sum(scoped.nps_points) as points
            from asked
            inner join
                scoped
                on asked.month_start = scoped.month_start
                and asked.person_id = scoped.person_id
            group by asked.month_start, asked.theme, scoped.segment
        )

    select
        own.month_start,
        own.theme,
        own.segment,
        own.answer_count as own_count,
        own.points * 1.0 / own.answer_count as own_nps,
        everybody.answer_count - own.answer_count as other_count,
        (everybody.points - own.points)
        * 1.0
        / nullif(everybody.answer_count - own.answer_count, 0) as other_nps
    from own
    inner join
        everybody on own.month_start = everybody.month_start and own.segment = everybody.segment
{%- endmacro %}

{#- (month_start, feature_id, segment, people_count): people who used a feature in the weeks that begin
    in a month. scopes: (is_all), whether all segments are counted together. -#}
{% macro feature_users_by_month(person_weeks, scopes) -%}
    select
        cast(date_trunc('month', weeks.week_start) as date) as month_start,
        weeks.feature_id,
        case
            when {{ scopes }}.is_all then 'all' else coalesce(traits.segment, 'unknown')
        end as segment,
        count(distinct weeks.person_id) as people_count
    from {{ person_weeks }} as weeks
    left join {{ ref("int_person_traits") }} as traits on weeks.person_id = traits.person_id
    cross join {{ scopes }}
    where weeks.feature_id is not null
    group by 1, 2, 3
{%- endmacro %}
