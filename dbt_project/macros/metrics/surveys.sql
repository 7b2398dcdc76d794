{#- One row (total, promoters, passives, detractors, nps, variance, standard_error, margin_95) of the
    valid scores of a relation: integers from 0 to 10. All but the counts are null without answers.
    population: of how many these are the answers; a small one makes the error smaller.
    by: columns of the relation; one row for each of their values, and these columns first.
    Variance = p + d - (p - d)^2 with the shares of promoters and detractors. -#}
{% macro nps(relation, score="score", population=none, by=[]) -%}
    {%- set keys = by | join(", ") -%}
    with
        valid as (
            select {{ keys ~ ", " if by }} {{ score }} as score
            from {{ relation }}
            where {{ score }} between 0 and 10 and {{ score }} = floor({{ score }})
        ),

        counts as (
            select
                {{ keys ~ "," if by }}
                count(*) as total,
                coalesce(sum(case when score >= 9 then 1 else 0 end), 0) as promoters,
                coalesce(sum(case when score between 7 and 8 then 1 else 0 end), 0) as passives,
                coalesce(sum(case when score <= 6 then 1 else 0 end), 0) as detractors
            from valid {{ "group by " ~ keys if by }}
        ),

        shares as (
            select
                *,
                (promoters - detractors) * 1.0 / nullif(total, 0) as balance,
                (promoters + detractors) * 1.0 / nullif(total, 0) as extremes
            from counts
        ),

        errors as (
            select
                *,
                extremes - balance * balance as variance,
                100 * sqrt((extremes - balance * balance) / nullif(total, 0))
                {% if population %}
                    * sqrt(({{ population }} - total) * 1.0 / ({{ population }} - 1))
                {% endif %} as standard_error
            from shares
        )

    select
        {{ keys ~ "," if by }}
        total,
        promoters,
        passives,
        detractors,
        100 * balance as nps,
        variance,
        standard_error,
        1.96 * standard_error as margin_95
    from errors
{%- endmacro %}

{#- (`key`, answers, other_answers, nps, nps_others, difference, margin_95, chance): the NPS of
    answers of which `flag` is true beside that of the others, for each value of a column. The
    difference, the half of its 95 % interval and how likely chance alone makes as much are null under
    least_answers on either side; the error of a difference is the root of both squared. -#}
{% macro nps_beside_others(relation, key, flag) -%}
    with
        scores as ({{ nps(relation, by=[key, flag]) }}),

        sides as (
            select
                {{ key }},
                coalesce(max(case when {{ flag }} then total end), 0) as answers,
                coalesce(max(case when not {{ flag }} then total end), 0) as other_answers,
                max(case when {{ flag }} then nps end) as nps,
                max(case when not {{ flag }} then nps end) as nps_others,
                nullif(sqrt(sum(standard_error * standard_error)), 0) as error,
                count(*) = 2 and min(total) >= {{ var("least_answers") }} as is_comparable
            from scores
            group by {{ key }}
        )

    select
        {{ key }},
        answers,
        other_answers,
        nps,
        nps_others,
        case when is_comparable then nps - nps_others end as difference,
        case when is_comparable then 1.96 * error end as margin_95,
        case when is_comparable then {{ two_sided_p("nps - nps_others", "error") }} end as chance
    from sides
{%- endmacro %}

{#- One row (total, satisfied, csat, csat_mean), or one for each value of the columns `by`: the share
    of the two best answers of a scale. -#}
{% macro csat(relation, score="score", highest=5, by=[]) -%}
    {%- set keys = by | join(", ") -%}
    select
        {{ keys ~ "," if by }}
        count({{ score }}) as total,
        coalesce(sum(case when {{ score }} >= {{ highest - 1 }} then 1 else 0 end), 0) as satisfied,
        sum(case when {{ score }} >= {{ highest - 1 }} then 1 else 0 end)
        * 1.0
        / nullif(count({{ score }}), 0) as csat,
        avg({{ score }}) as csat_mean
    from {{ relation }}
    where {{ score }} between 1 and {{ highest }} {{ "group by " ~ keys if by }}
{%- endmacro %}

{#- One row (total, ces_mean, ces_positive_share): on 1 to 7, where 5 and better is positive. With
    is_reversed 1 is the easiest, as in the first version of the question. -#}
{% macro ces(relation, score="score", highest=7, is_reversed=false) -%}
    {%- set value = "(" ~ (highest + 1) ~ " - " ~ score ~ ")" if is_reversed else score -%}
    {%- set positive = (highest * 5 + 6) // 7 -%}
    select
        count({{ score }}) as total,
        avg({{ value }}) as ces_mean,
        sum(case when {{ value }} >= {{ positive }} then 1 else 0 end)
        * 1.0
        / nullif(count({{ score }}), 0) as ces_positive_share
    from {{ relation }}
    where {{ score }} between 1 and {{ highest }}
{%- endmacro %}

{#- The answer that counts: the latest of a respondent in a wave that has a score, if any has. -#}
{% macro latest_answers(
    relation,
    score="score",
    respondent="respondent_id",
    submitted_at="submitted_at",
    wave=none,
    order_by="response_id"
) -%}
    select *
    from
        (
            select
                *,
                row_number() over (
                    partition by {{ respondent }} {% if wave %}, {{ wave }} {% endif %}
                    order by
                        case when {{ score }} is null then 1 else 0 end,
                        {{ submitted_at }} desc,
                        {{ order_by }} desc
                ) as recency
            from {{ relation }}
        ) as answers
    where recency = 1
{%- endmacro %}
