{#- The counted answers of a metric, once for each breakdown: all together, by segment, by the plan at
    the time of the answer, by survey. Columns wave, breakdown, group_name, score. Segments are as they
    are now, for no source keeps how many people a company had. -#}
{% macro answers_by_breakdown(metric) -%}
    select
        answers.wave,
        breakdowns.breakdown,
        case
            breakdowns.breakdown
            when 'segment'
            then coalesce(traits.segment, 'unknown')
            when 'plan'
            then case when paid.response_id is null then 'free' else 'paid' end
            when 'survey'
            then coalesce(answers.form_title, answers.form_id)
            else 'all'
        end as group_name,
        answers.score
    from {{ ref("survey_responses") }} as answers
    cross join
        (
            select 'total' as breakdown
            union all
            select 'segment' as breakdown
            union all
            select 'plan' as breakdown
            union all
            select 'survey' as breakdown
        ) as breakdowns
    left join {{ ref("int_account_traits") }} as traits on answers.account_id = traits.account_id
    left join
        (
            select responses.response_id
            from {{ ref("survey_responses") }} as responses
            inner join
                {{ ref("int_subscription_terms") }} as terms
                on responses.account_id = terms.account_id
                and terms.mrr_usd > 0
                and responses.submitted_at >= terms.started_at
                and (terms.ended_at is null or responses.submitted_at < terms.ended_at)
            group by responses.response_id
        ) as paid
        on answers.response_id = paid.response_id
    where answers.is_counted and answers.metric = '{{ metric }}'
{%- endmacro %}

{#- A relation's scores of waves (wave, breakdown, group_name, total, `score`, margin_95) with the wave
    before: compared_with, change, change_margin_95, is_change_significant, all null unless both have
    least_answers; and has_enough_answers. The error of a difference is the root of both squared. -#}
{% macro with_wave_before(relation, score) -%}
    {%- set order = "partition by breakdown, group_name order by wave" -%}
    select
        compared.*,
        total >= {{ var("least_answers") }} as has_enough_answers,
        case when is_comparable then previous_wave end as compared_with,
        case when is_comparable then {{ score }} - previous_score end as change,
        case when is_comparable then change_margin end as change_margin_95,
        case
            when is_comparable then abs({{ score }} - previous_score) > change_margin
        end as is_change_significant
    from
        (
            select
                pairs.*,
                total >= {{ var("least_answers") }}
                and previous_total >= {{ var("least_answers") }} as is_comparable,
                sqrt(margin_95 * margin_95 + previous_margin * previous_margin) as change_margin
            from
                (
                    select
                        *,
                        lag(wave) over ({{ order }}) as previous_wave,
                        lag({{ score }}) over ({{ order }}) as previous_score,
                        lag(total) over ({{ order }}) as previous_total,
                        lag(margin_95) over ({{ order }}) as previous_margin
                    from {{ relation }}
                ) as pairs
        ) as compared
{%- endmacro %}
