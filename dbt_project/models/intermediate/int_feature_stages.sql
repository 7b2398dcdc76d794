-- Weeks with use and whether by then the feature is tried or adopted, and one row in the week in
-- which it counts as dropped. The numbers are the seed adoption_stages.
with
    uses as (select * from {{ ref("int_feature_weeks") }}),

    adopted as (select * from {{ ref("adoption_stages") }} where stage = 'adopted'),

    dropped as (select * from {{ ref("adoption_stages") }} where stage = 'dropped'),

    recent as (
        select
            uses.week_start,
            uses.account_id,
            uses.feature_id,
            count(*) as week_count,
            sum(earlier.use_count) as use_count
        from uses
        cross join adopted
        inner join
            uses as earlier
            on uses.account_id = earlier.account_id
            and uses.feature_id = earlier.feature_id
            and earlier.week_start <= uses.week_start
            and earlier.week_start
            > {{ date_plus_days("uses.week_start", "-7 * adopted.within_weeks") }}
        group by uses.week_start, uses.account_id, uses.feature_id
    ),

    ends as (
        select
            uses.account_id,
            uses.feature_id,
            uses.last_arrived_at,
            lead(uses.week_start) over (
                partition by uses.account_id, uses.feature_id order by uses.week_start
            ) as next_week,
            {{ date_plus_days("uses.week_start", "7 * dropped.within_weeks") }} as dropped_week
        from uses
        cross join dropped
    )

select
    uses.week_start,
    uses.account_id,
    uses.feature_id,
    uses.people_count,
    uses.use_count,
    uses.active_people_count,
    uses.last_arrived_at,
    case
        when recent.week_count >= adopted.least_weeks and recent.use_count >= adopted.least_uses
        then 'adopted'
        else 'tried'
    end as stage
from uses
cross join adopted
inner join
    recent
    on uses.week_start = recent.week_start
    and uses.account_id = recent.account_id
    and uses.feature_id = recent.feature_id
union all
select
    ends.dropped_week as week_start,
    ends.account_id,
    ends.feature_id,
    0 as people_count,
    0 as use_count,
    null as active_people_count,
    ends.last_arrived_at,
    'dropped' as stage
from ends
cross join {{ ref("int_clock") }} as clock
where
    (ends.next_week is null or ends.next_week > ends.dropped_week)
    and {{ date_plus_days("ends.dropped_week", 6) }} <= clock.last_complete_date
