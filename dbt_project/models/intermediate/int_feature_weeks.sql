with
    weeks as (select * from {{ ref("int_person_feature_weeks") }}),

    active as (
        select week_start, account_id, count(distinct person_id) as active_people_count
        from weeks
        where active_event_count > 0
        group by week_start, account_id
    ),

    adoption as (
        select
            week_start,
            account_id,
            feature_id,
            count(*) as people_count,
            cast(sum(event_count) as bigint) as use_count,
            max(last_arrived_at) as last_arrived_at
        from weeks
        where feature_id is not null and account_id is not null
        group by week_start, account_id, feature_id
    )

select
    adoption.week_start,
    adoption.account_id,
    adoption.feature_id,
    adoption.people_count,
    adoption.use_count,
    active.active_people_count,
    adoption.last_arrived_at
from adoption
inner join
    active on adoption.week_start = active.week_start and adoption.account_id = active.account_id
