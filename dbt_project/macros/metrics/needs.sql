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
        feedback.weight,
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
        severity
        / {{ exact_sum("severity", over="over (partition by month_start, account_id)") }} as share
    from
        (
            select
                month_start, account_id, {{ key }}, {{ exact_sum("severity_weight") }} as severity
            from {{ needs }}
            where account_id is not null
            group by month_start, account_id, {{ key }}
        ) as summed
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

{#- A row per project and month since it was written down, with what RICE is made of. Impact is by how
    grave the needs are: 3 from 2.5 of 3, 2 from 2, 1 from 1.5, else 0.5; confidence by how many there
    are: 1 from 30 (below which no trend is shown either), 0.8 from 10, else 0.5. Effort is the points of the project's issues,
    done or not, by how many a person does in a month. -#}
{% macro rice_inputs(months, mentions, money, churned) -%}
    with
        efforts as (
            select
                project_id,
                sum(estimate_points) as points,
                count(*) - count(estimate_points) as unestimated_count
            from {{ ref("stg_linear__issues") }}
            where not is_trashed and canceled_at is null and project_id is not null
            group by project_id
        )

    select
        projects.project_id,
        projects.project_name,
        projects.project_state,
        months.month_start,
        {{ later_bucket("months.month_start", 1, "month") }} <= clock.as_of as is_complete,
        coalesce(mentions.mention_count, 0) as mention_count,
        coalesce(mentions.account_count, 0) as account_count,
        coalesce(mentions.person_count, 0) as person_count,
        cast(coalesce(money.allocated_arr_usd, 0) as decimal(18, 2)) as allocated_arr_usd,
        cast(coalesce(money.blocked_usd, 0) as decimal(18, 2)) as pipeline_blocked_usd,
        cast(coalesce(churned.arr_usd, 0) as decimal(18, 2)) as churned_arr_usd,
        cast(coalesce(money.reach, 0) as bigint) as reach_people_count,
        cast(
            case
                when mentions.severity >= 2.5
                then 3
                when mentions.severity >= 2
                then 2
                when mentions.severity >= 1.5
                then 1
                when mentions.severity > 0
                then 0.5
            end as {{ type_double() }}
        ) as impact,
        cast(
            case
                when mentions.mention_count >= 30
                then 1
                when mentions.mention_count >= 10
                then 0.8
                when mentions.mention_count > 0
                then 0.5
            end as {{ type_double() }}
        ) as confidence,
        cast(efforts.points as {{ type_double() }}) as estimate_points,
        coalesce(efforts.unestimated_count, 0) as unestimated_issue_count,
        cast(
            efforts.points / {{ var("points_per_person_month") }} as {{ type_double() }}
        ) as effort_person_months
    from {{ ref("stg_linear__projects") }} as projects
    inner join
        {{ months }} as months
        on projects.created_at < {{ later_bucket("months.month_start", 1, "month") }}
    cross join {{ ref("int_clock") }} as clock
    left join
        {{ mentions }} as mentions
        on projects.project_id = mentions.project_id
        and months.month_start = mentions.month_start
    left join
        {{ money }} as money
        on projects.project_id = money.project_id
        and months.month_start = money.month_start
    left join
        {{ churned }} as churned
        on projects.project_id = churned.project_id
        and months.month_start = churned.month_start
    left join efforts on projects.project_id = efforts.project_id
    where not projects.is_trashed
{%- endmacro %}
