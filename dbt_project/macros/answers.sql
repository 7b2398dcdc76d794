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
