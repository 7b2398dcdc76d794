{#- (unit, unit_id, segment, week_start): the weeks in which people, and accounts through their people,
    used the product. Looking at the web site is no use, else every visitor would be a user who
    never came back. -#}
{% macro active_weeks() -%}
    select
        'person' as unit,
        days.person_id as unit_id,
        traits.segment,
        {{ week_start("days.active_date") }} as week_start
    from {{ ref("daily_active_people") }} as days
    inner join {{ ref("int_person_traits") }} as traits on days.person_id = traits.person_id
    where days.use_count > 0
    group by 1, 2, 3, 4
    union all
    select
        'account' as unit,
        traits.account_id as unit_id,
        traits.segment,
        {{ week_start("days.active_date") }} as week_start
    from {{ ref("daily_active_people") }} as days
    inner join {{ ref("int_person_traits") }} as traits on days.person_id = traits.person_id
    where days.use_count > 0 and traits.account_id is not null
    group by 1, 2, 3, 4
{%- endmacro %}

{#- (week_start): the weeks that are over and that something is known of. -#}
{% macro complete_weeks() -%}
    select week_start
    from {{ ref("dates") }}
    group by week_start
    having max(date_day) = {{ date_plus_days("week_start", 6) }}
{%- endmacro %}

{#- (base_week, person_id, cluster_id, day_count, is_retained): who was there in the four weeks from
    each Monday, on how many days, and whether again in the week that begins 77 days after it, which
    must be over. Staff is left out; a cluster is an account, or a person without one. -#}
{% macro present_people() -%}
    with
        weeks as (
            select
                {{ week_start("days.active_date") }} as week_start,
                days.person_id,
                coalesce(traits.account_id, days.person_id) as cluster_id,
                count(*) as day_count
            from {{ ref("daily_active_people") }} as days
            left join {{ ref("int_person_traits") }} as traits on days.person_id = traits.person_id
            group by 1, 2, 3
        ),

        bases as (
            select {{ date_plus_days("week_start", -77) }} as base_week
            from ({{ complete_weeks() }}) as w
        ),

        present as (
            select
                bases.base_week,
                weeks.person_id,
                weeks.cluster_id,
                cast(sum(weeks.day_count) as bigint) as day_count
            from bases
            inner join
                weeks
                on weeks.week_start >= bases.base_week
                and weeks.week_start < {{ date_plus_days("bases.base_week", 28) }}
            group by 1, 2, 3
        )

    select present.*, case when later.person_id is null then 0 else 1 end as is_retained
    from present
    left join
        weeks as later
        on present.person_id = later.person_id
        and later.week_start = {{ date_plus_days("present.base_week", 77) }}
{%- endmacro %}
