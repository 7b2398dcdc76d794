-- Users choose a feature, it is not dealt to them: so beside the naive difference stands the one
-- within strata of equal days of activity, weighted by users. Fractions are added as decimals,
-- since
-- doubles would differ with the order.
with
    people as ({{ present_people() }}),

    uses as (
        select bases.base_week, used.feature_id, used.person_id
        from (select distinct base_week from people) as bases
        inner join
            {{ ref("int_person_feature_weeks") }} as used
            on used.week_start >= bases.base_week
            and used.week_start < {{ date_plus_days("bases.base_week", 28) }}
        where used.feature_id is not null
        group by 1, 2, 3
    ),

    users as (
        select uses.feature_id, people.*
        from uses
        inner join people on uses.base_week = people.base_week and uses.person_id = people.person_id
    ),

    strata as (
        select
            using_it.base_week,
            using_it.feature_id,
            using_it.n as n_u,
            using_it.k as k_u,
            everybody.n - using_it.n as n_o,
            everybody.k - using_it.k as k_o
        from
            (
                select base_week, feature_id, day_count, count(*) as n, sum(is_retained) as k
                from users
                group by 1, 2, 3
            ) as using_it
        inner join
            (
                select base_week, day_count, count(*) as n, sum(is_retained) as k
                from people
                group by 1, 2
            ) as everybody
            on using_it.base_week = everybody.base_week
            and using_it.day_count = everybody.day_count
    ),

    matched as (
        select
            base_week,
            feature_id,
            cast(sum(n_u) as bigint) as matched_user_count,
            {{
                exact_sum(
                    "n_u * (cast(k_u as "
                    ~ type_double()
                    ~ ") / n_u - cast(k_o as "
                    ~ type_double()
                    ~ ") / n_o)"
                )
            }} / sum(n_u) as matched_effect
        from strata
        where n_o > 0
        group by base_week, feature_id
    ),

    naive as (
        {{
            clustered_difference(
                "users",
                "people",
                group="feature_id",
                within="base_week",
                cluster="cluster_id",
                outcome="is_retained",
            )
        }}
    )

select
    naive.feature_id,
    naive.base_week,
    naive.chosen_count as user_count,
    naive.chosen_outcomes as user_retained_count,
    naive.other_count,
    naive.other_outcomes as other_retained_count,
    naive.difference as naive_effect,
    naive.difference - 1.96 * naive.error as naive_low,
    naive.difference + 1.96 * naive.error as naive_high,
    coalesce(matched.matched_user_count, 0) as matched_user_count,
    matched.matched_effect
from naive
left join matched on naive.base_week = matched.base_week and naive.feature_id = matched.feature_id
