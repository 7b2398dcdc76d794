-- depends_on: {{ ref("int_changed_days") }}
{{
    config(
        materialized="incremental",
        incremental_strategy="partition_replace",
        on_schema_change="fail",
        meta={
            "replaces": {
                "column": "active_date",
                "model": "int_changed_days",
                "key": "event_date",
            }
        },
    )
}}
-- Only the days that a night touched are built again; int_arrived_days argues why that window has
-- no fixed length.
with
    events as (
        select *
        from {{ ref("int_events") }}
        {% if is_incremental() %}
            where event_date in (select event_date from {{ ref("int_changed_days") }})
        {% endif %}
    ),

    ids as (
        select *
        from {{ ref("int_identified_ids") }}
        where person_id is not null and not is_internal
    )

select
    events.event_date as active_date,
    ids.person_id,
    ids.account_id,
    count(*) as event_count,
    cast(sum(case when visits.event_name is null then 1 else 0 end) as bigint) as use_count,
    max(events.arrived_at) as last_arrived_at
from events
inner join ids on events.distinct_id = ids.distinct_id
left join {{ ref("passive_events") }} as passive on events.event_name = passive.event_name
left join {{ ref("visit_events") }} as visits on events.event_name = visits.event_name
where passive.event_name is null
group by events.event_date, ids.person_id, ids.account_id
