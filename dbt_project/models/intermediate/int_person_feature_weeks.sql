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
-- What a person did in a week, by account and feature; no feature is everything else. A touched day
-- rebuilds its whole week, since people are counted once a week.
with
    ids as (
        select *
        from {{ ref("int_identified_ids") }}
        where person_id is not null and not is_internal
    )

select
    {{ week_start("events.event_date") }} as week_start,
    coalesce(events.account_key, ids.account_id) as account_id,
    ids.person_id,
    features.feature_id,
    count(*) as event_count,
    cast(
        sum(case when passive.event_name is null then 1 else 0 end) as bigint
    ) as active_event_count,
    max(events.arrived_at) as last_arrived_at
from {{ ref("int_events") }} as events
inner join ids on events.distinct_id = ids.distinct_id
left join {{ ref("feature_events") }} as features on events.event_name = features.event_name
left join {{ ref("passive_events") }} as passive on events.event_name = passive.event_name
{% if is_incremental() %}
    where
        {{ week_start("events.event_date") }}
        in (select week_start from {{ ref("int_changed_weeks") }})
{% endif %}
group by 1, 2, 3, 4
