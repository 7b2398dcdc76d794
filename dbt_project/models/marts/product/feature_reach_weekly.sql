-- One row per week that is over, feature and segment: the accounts that used the feature beside all
-- that could have, which are those that used the product, from the week in which anybody first used
-- the feature.
with
    weeks as ({{ complete_weeks() }}),

    active as (
        select activity.week_start, activity.segment, activity.unit_id as account_id
        from ({{ active_weeks() }}) as activity
        inner join weeks on activity.week_start = weeks.week_start
        where activity.unit = 'account'
    ),

    used as (
        select week_start, feature_id, account_id
        from {{ ref("feature_adoption_weekly") }}
        where use_count > 0
    ),

    released as (select feature_id, min(week_start) as first_week from used group by feature_id)

select
    active.week_start,
    released.feature_id,
    active.segment,
    count(used.account_id) as account_count,
    count(*) as active_account_count
from active
inner join released on active.week_start >= released.first_week
left join
    used
    on active.week_start = used.week_start
    and active.account_id = used.account_id
    and released.feature_id = used.feature_id
group by active.week_start, released.feature_id, active.segment
