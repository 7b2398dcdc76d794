-- Cohorts are first-time: a unit opens one cohort, in the week of its first use ever, and comes
-- back in single weeks (calendar weeks, not "then or later").
with
    weeks as ({{ complete_weeks() }}),

    active as ({{ active_weeks() }}),

    firsts as (
        select unit, unit_id, segment, min(week_start) as cohort_week
        from active
        group by unit, unit_id, segment
    ),

    levels as (
        select 'all' as level
        union all
        select 'segment' as level
    ),

    cohorts as (
        select
            firsts.unit,
            firsts.cohort_week,
            case when levels.level = 'all' then 'all' else firsts.segment end as segment,
            count(*) as cohort_size
        from firsts
        cross join levels
        group by 1, 2, 3
    ),

    returns as (
        select
            firsts.unit,
            firsts.cohort_week,
            active.week_start,
            case when levels.level = 'all' then 'all' else firsts.segment end as segment,
            count(*) as retained
        from firsts
        inner join active on firsts.unit = active.unit and firsts.unit_id = active.unit_id
        cross join levels
        group by 1, 2, 3, 4
    )

select
    cohorts.unit,
    cohorts.cohort_week,
    cast(
        floor({{ days_between("cohorts.cohort_week", "all_weeks.week_start") }} / 7) as bigint
    ) as cohort_offset,
    cohorts.segment,
    cohorts.cohort_size,
    coalesce(returns.retained, 0) as retained,
    weeks.week_start is not null as is_complete
from cohorts
inner join
    (select distinct week_start from {{ ref("dates") }}) as all_weeks
    on all_weeks.week_start >= cohorts.cohort_week
left join weeks on all_weeks.week_start = weeks.week_start
left join
    returns
    on cohorts.unit = returns.unit
    and cohorts.cohort_week = returns.cohort_week
    and cohorts.segment = returns.segment
    and all_weeks.week_start = returns.week_start
