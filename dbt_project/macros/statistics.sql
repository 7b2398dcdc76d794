{#- What engines have no function for. -#}
{#- The complementary error function of a number that is not negative, to 1.2e-7 of its value also
    far out, where an error of the seventh digit would be larger than the tail (Numerical Recipes,
    Chebyshev fit). -#}
{% macro erfc(x) -%}
    {%- set t = "(1.0 / (1.0 + 0.5 * (" ~ x ~ ")))" -%}
    {%- set terms = [
        0.17087277,
        -0.82215223,
        1.48851587,
        -1.13520398,
        0.27886807,
        -0.18628806,
        0.09678418,
        0.37409196,
        1.00002368,
    ] -%}
    {%- set polynomial = namespace(sql="0.17087277") -%}
    {%- for term in terms[1:] -%}
        {%- set polynomial.sql = "(" ~ term ~ " + " ~ t ~ " * " ~ polynomial.sql ~ ")" -%}
    {%- endfor -%}
    ({{ t }} * exp(- ({{ x }}) * ({{ x }}) - 1.26551223 + {{ t }} * {{ polynomial.sql }}))
{%- endmacro %}

{#- How likely a chi-square of so many degrees of freedom is as large by chance. Exact for one and
    two; beyond, after Wilson and Hilferty. -#}
{% macro chi_square_tail(x, degrees) -%}
    case
        when {{ degrees }} = 1
        then {{ erfc("sqrt(" ~ x ~ " / 2.0)") }}
        when {{ degrees }} = 2
        then exp(- ({{ x }}) / 2.0)
        when power({{ x }} / {{ degrees }}, 1.0 / 3) > 1.0 - 2.0 / (9.0 * {{ degrees }})
        then
            0.5
            * {{
                erfc(
                    "((power(" ~ x ~ " / " ~ degrees ~ ", 1.0 / 3) - 1.0 + 2.0 / (9.0 * " ~ degrees
                    ~ ")) / sqrt(4.0 / (9.0 * " ~ degrees ~ ")))"
                )
            }}
        when {{ degrees }} > 2
        then 0.5
    end
{%- endmacro %}

{#- An aggregate: the chi-square of how many there are in groups against their intended shares. -#}
{% macro chi_square_of_shares(size, share) -%}
    (
        cast(sum({{ size }} * {{ size }} / {{ share }}) as {{ type_double() }})
        / nullif(sum({{ size }}), 0)
        - sum({{ size }})
    )
{%- endmacro %}

{#- How likely a difference is as far from zero by chance, given its standard error. -#}
{% macro two_sided_p(difference, error) -%}
    {{ erfc("abs((" ~ difference ~ ") / (" ~ error ~ ")) / sqrt(2.0)") }}
{%- endmacro %}

{#- Arms against their control, one row an arm: rate, effect with its interval and p_value, and
    the effect after what people did before the test is taken out of both arms (CUPED; Deng, Xu,
    Kohavi and Walker, 2013). theta is pooled within arms, so that an effect does not enter it.

    relation: (experiment, metric, is_control, n, y, x, xx, xy) of each arm: people, conversions,
    and sums of a covariate from before the test. No effect where an arm has fewer than least_people. -#}
{% macro experiment_effects(relation, least_people) -%}
    with
        moments as (
            select
                *,
                y * 1.0 / nullif(n, 0) as rate,
                x * 1.0 / nullif(n, 0) as mean_x,
                (xx - x * x * 1.0 / nullif(n, 0)) as spread_x,
                (xy - x * y * 1.0 / nullif(n, 0)) as spread_xy
            from {{ relation }}
        ),

        slopes as (
            select
                experiment,
                metric,
                coalesce(
                    {{ exact_sum("spread_xy") }} / nullif({{ exact_sum("spread_x") }}, 0), 0
                ) as theta
            from moments
            group by experiment, metric
        ),

        arms as (
            select
                moments.*,
                slopes.theta,
                rate * (1 - rate) / nullif(n, 0) as variance,
                (
                    rate * (1 - rate)
                    - 2 * slopes.theta * spread_xy / nullif(n, 0)
                    + slopes.theta * slopes.theta * spread_x / nullif(n, 0)
                )
                / nullif(n, 0) as cuped_variance
            from moments
            inner join
                slopes on moments.experiment = slopes.experiment and moments.metric = slopes.metric
        ),

        differences as (
            select
                test.*,
                test.rate - control.rate as effect,
                sqrt(test.variance + control.variance) as error,
                test.rate
                - control.rate
                - test.theta * (test.mean_x - control.mean_x) as cuped_effect,
                sqrt(greatest(test.cuped_variance + control.cuped_variance, 0.0)) as cuped_error,
                (test.y + control.y) * 1.0 / (test.n + control.n) as pooled,
                1.0 / test.n + 1.0 / control.n as inverse_sizes
            from arms as test
            inner join
                arms as control
                on test.experiment = control.experiment
                and test.metric = control.metric
                and control.is_control
            where
                not test.is_control
                and test.n >= {{ least_people }}
                and control.n >= {{ least_people }}
        )

    select
        arms.experiment,
        arms.metric,
        arms.variant,
        arms.rate,
        differences.effect,
        differences.effect - 1.96 * differences.error as effect_low,
        differences.effect + 1.96 * differences.error as effect_high,
        {{
            two_sided_p(
                "differences.effect",
                "nullif(sqrt(differences.pooled * (1 - differences.pooled) * differences.inverse_sizes), 0)",
            )
        }}
        as p_value,
        differences.cuped_effect,
        differences.cuped_effect - 1.96 * differences.cuped_error as cuped_low,
        differences.cuped_effect + 1.96 * differences.cuped_error as cuped_high
    from arms
    left join
        differences
        on arms.experiment = differences.experiment
        and arms.metric = differences.metric
        and arms.variant = differences.variant
{%- endmacro %}

{#- Rates of who was chosen (rows of `chosen`, by `group`) and of all others of `everybody` with the
    same `within`, their difference and its standard error, a cluster taken as one draw (linearised;
    Cameron and Miller 2015, without the correction for few clusters). `outcome` is 1 or 0.
    (within, group, chosen_count, chosen_outcomes, other_count, other_outcomes, difference, error);
    the last two are null if nobody is left. Only whole numbers are summed. -#}
{% macro clustered_difference(chosen, everybody, group, within, cluster, outcome) -%}
    with
        clusters as (
            select {{ within }}, {{ cluster }}, count(*) as n, sum({{ outcome }}) as k
            from {{ everybody }}
            group by 1, 2
        ),

        chosen_clusters as (
            select
                counted.*,
                clusters.n as n,
                clusters.k as k,
                clusters.n - counted.n_c as n_o,
                clusters.k - counted.k_c as k_o
            from
                (
                    select
                        {{ within }},
                        {{ group }},
                        {{ cluster }},
                        count(*) as n_c,
                        sum({{ outcome }}) as k_c
                    from {{ chosen }}
                    group by 1, 2, 3
                ) as counted
            inner join
                clusters
                on counted.{{ within }} = clusters.{{ within }}
                and counted.{{ cluster }} = clusters.{{ cluster }}
        ),

        totals as (
            select
                {{ within }},
                sum(n) as n,
                sum(k) as k,
                sum(n * n) as nn,
                sum(n * k) as nk,
                sum(k * k) as kk
            from clusters
            group by 1
        ),

        -- A cluster with nobody chosen is in the totals alone.
        sums as (
            select
                found.{{ within }},
                found.{{ group }},
                sum(found.n_c) as n_c,
                sum(found.k_c) as k_c,
                max(totals.n) - sum(found.n_c) as n_o,
                max(totals.k) - sum(found.k_c) as k_o,
                sum(found.n_c * found.n_c) as cc_nn,
                sum(found.n_c * found.k_c) as cc_nk,
                sum(found.k_c * found.k_c) as cc_kk,
                sum(found.n_c * found.n_o) as co_nn,
                sum(found.n_c * found.k_o) as co_nk,
                sum(found.k_c * found.n_o) as co_kn,
                sum(found.k_c * found.k_o) as co_kk,
                max(totals.nn) - sum(found.n * found.n) + sum(found.n_o * found.n_o) as oo_nn,
                max(totals.nk) - sum(found.n * found.k) + sum(found.n_o * found.k_o) as oo_nk,
                max(totals.kk) - sum(found.k * found.k) + sum(found.k_o * found.k_o) as oo_kk
            from chosen_clusters as found
            inner join totals on found.{{ within }} = totals.{{ within }}
            group by 1, 2
        ),

        rates as (
            select
                *,
                cast(k_c as {{ type_double() }}) / n_c as r_c,
                cast(k_o as {{ type_double() }}) / nullif(n_o, 0) as r_o
            from sums
        )

    select
        {{ within }},
        {{ group }},
        cast(n_c as bigint) as chosen_count,
        cast(k_c as bigint) as chosen_outcomes,
        cast(n_o as bigint) as other_count,
        cast(k_o as bigint) as other_outcomes,
        r_c - r_o as difference,
        -- A rounding error below zero is zero.
        sqrt(
            greatest(
                (cc_kk - 2 * r_c * cc_nk + r_c * r_c * cc_nn) / (n_c * n_c)
                - 2
                * (co_kk - r_o * co_kn - r_c * co_nk + r_c * r_o * co_nn)
                / (n_c * nullif(n_o, 0))
                + (oo_kk - 2 * r_o * oo_nk + r_o * r_o * oo_nn) / (n_o * nullif(n_o, 0)),
                0
            )
        ) as error
    from rates
{%- endmacro %}

{#- (`key`, n, other_n, rate, other_rate, difference, error, error_if_alike): the share of rows with
    an `outcome` (1, 0, or null for who does not count) among those of which `flag` is true beside
    the share among the others, for each value of a column. `error` is for an interval, with a hit
    and a miss added to either side, else 30 of 30 would be certain (Agresti and Caffo 2000);
    `error_if_alike` is for a test, of one share for both sides, null if nobody or everybody has the
    outcome. A rate is null without anybody, and so is what needs it. -#}
{% macro shares_beside_others(relation, key, flag, outcome) -%}
    with
        sides as (
            select
                {{ key }},
                count(case when {{ flag }} then {{ outcome }} end) as n,
                count(case when not {{ flag }} then {{ outcome }} end) as other_n,
                sum(case when {{ flag }} then {{ outcome }} end) as hits,
                sum(case when not {{ flag }} then {{ outcome }} end) as other_hits
            from {{ relation }}
            group by {{ key }}
        ),

        rates as (
            select
                {{ key }},
                n,
                other_n,
                hits * 1.0 / nullif(n, 0) as rate,
                other_hits * 1.0 / nullif(other_n, 0) as other_rate,
                (hits + 1) * 1.0 / (n + 2) as middle,
                (other_hits + 1) * 1.0 / (other_n + 2) as other_middle,
                (hits + other_hits) * 1.0 / nullif(n + other_n, 0) as pooled
            from sides
        )

    select
        {{ key }},
        n,
        other_n,
        rate,
        other_rate,
        rate - other_rate as difference,
        sqrt(
            middle * (1 - middle) / (n + 2) + other_middle * (1 - other_middle) / (other_n + 2)
        ) as error,
        nullif(
            sqrt(pooled * (1 - pooled) * (1.0 / nullif(n, 0) + 1.0 / nullif(other_n, 0))), 0
        ) as error_if_alike
    from rates
{%- endmacro %}
