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
