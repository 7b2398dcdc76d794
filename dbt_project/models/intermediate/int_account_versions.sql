-- One row per version of the app and account that ran it.
select
    events.app_version,
    coalesce(events.account_key, ids.account_id) as account_id,
    min(events.occurred_at) as first_run_at,
    max(events.occurred_at) as last_run_at,
    count(distinct ids.person_id) as person_count
from {{ ref("int_events") }} as events
inner join {{ ref("int_identified_ids") }} as ids on events.distinct_id = ids.distinct_id
where
    events.app_version is not null
    and ids.person_id is not null
    and not ids.is_internal
    and coalesce(events.account_key, ids.account_id) is not null
group by 1, 2
