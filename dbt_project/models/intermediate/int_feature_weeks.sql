-- depends_on: {{ ref("int_changed_weeks") }}
{{
    config(
        materialized="incremental",
        incremental_strategy="partition_replace",
        on_schema_change="fail",
        meta={
            "replaces": {
                "column": "week_start",
                "model": "int_changed_weeks",
                "key": "week_start",
            }
        },
    )
}}
-- A touched day rebuilds its whole week, since people are counted once a week.
with
    ids as (
        select *
        from {{ ref("int_identified_ids") }}
        where person_id is not null and not is_internal
    ),

    uses as (
        select
            {{ week_start("events.event_date") }} as week_start,
            coalesce(events.account_key, ids.account_id) as account_id,
            ids.person_id,
            features.feature_id,
            events.arrived_at,
            passive.event_name is null as is_active
        from {{ ref("int_events") }} as events
        inner join ids on events.distinct_id = ids.distinct_id
        left join {{ ref("feature_events") }} as features on events.event_name = features.event_name
        left join {{ ref("passive_events") }} as passive on events.event_name = passive.event_name
        {% if is_incremental() %}
            where
                {{ week_start("events.event_date") }}
                in (select week_start from {{ ref("int_changed_weeks") }})
        {% endif %}
    ),

    active as (
        select week_start, account_id, count(distinct person_id) as active_people_count
        from uses
        where is_active
        group by week_start, account_id
    ),

    adoption as (
        select
            week_start,
            account_id,
            feature_id,
            count(distinct person_id) as people_count,
            count(*) as use_count,
            max(arrived_at) as last_arrived_at
        from uses
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
