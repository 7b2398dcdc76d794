-- Beside the weeks with use, a row where an account first could have used a feature and did not
-- (aware) and where it gave one up (dropped): so every change of stage has a row to be seen in.
with
    stages as (select * from {{ ref("int_feature_stages") }}),

    active as (
        select
            {{ week_start("active_date") }} as week_start,
            account_id,
            count(distinct person_id) as active_people_count,
            max(last_arrived_at) as last_arrived_at
        from {{ ref("daily_active_people") }}
        where account_id is not null
        group by 1, 2
    ),

    released as (select feature_id, min(week_start) as first_week from stages group by feature_id),

    firsts as (
        select account_id, feature_id, min(week_start) as first_week
        from stages
        group by account_id, feature_id
    ),

    chances as (
        select active.account_id, released.feature_id, min(active.week_start) as week_start
        from active
        inner join released on active.week_start >= released.first_week
        group by active.account_id, released.feature_id
    ),

    rows_of_stages as (
        select
            week_start,
            account_id,
            feature_id,
            people_count,
            use_count,
            active_people_count,
            last_arrived_at,
            stage
        from stages
        union all
        select
            chances.week_start,
            chances.account_id,
            chances.feature_id,
            0 as people_count,
            0 as use_count,
            active.active_people_count,
            active.last_arrived_at,
            'aware' as stage
        from chances
        inner join
            active
            on chances.account_id = active.account_id
            and chances.week_start = active.week_start
        left join
            firsts
            on chances.account_id = firsts.account_id
            and chances.feature_id = firsts.feature_id
        where firsts.first_week is null or firsts.first_week > chances.week_start
    ),

    -- As paid for when the week ended.
    seats as (
        select weeks.account_id, weeks.week_start, sum(terms.seat_count) as seat_count
        from (select distinct account_id, week_start from rows_of_stages) as weeks
        inner join
            {{ ref("int_subscription_terms") }} as terms
            on weeks.account_id = terms.account_id
            and terms.mrr_usd > 0
            and terms.started_at < {{ date_plus_days("weeks.week_start", 7) }}
            and (
                terms.ended_at is null
                or terms.ended_at >= {{ date_plus_days("weeks.week_start", 7) }}
            )
        group by weeks.account_id, weeks.week_start
    ),

    known as (
        select account_id, count(*) as people_count
        from {{ ref("int_people") }}
        where account_id is not null
        group by account_id
    )

select
    found.week_start,
    found.account_id,
    found.feature_id,
    found.people_count,
    found.use_count,
    coalesce(found.active_people_count, active.active_people_count, 0) as active_people_count,
    found.last_arrived_at,
    found.stage,
    cast(
        found.people_count
        * 1.0
        / nullif(
            coalesce(found.active_people_count, active.active_people_count), 0
        ) as {{ type_double() }}
    ) as active_share,
    cast(
        found.people_count * 1.0 / nullif(known.people_count, 0) as {{ type_double() }}
    ) as known_share,
    cast(seats.seat_count as bigint) as seat_count,
    cast(
        found.people_count * 1.0 / nullif(seats.seat_count, 0) as {{ type_double() }}
    ) as seat_share
from rows_of_stages as found
left join active on found.account_id = active.account_id and found.week_start = active.week_start
left join known on found.account_id = known.account_id
left join seats on found.account_id = seats.account_id and found.week_start = seats.week_start
