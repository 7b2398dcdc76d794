-- distinct id → person: the row with the highest version decides, for all history. Events keep the
-- person they had at ingestion, so a merge moves past events only through this table.
with
    persons as (select * from {{ ref("stg_posthog__persons") }}),

    ranked as (
        select
            *,
            row_number() over (
                partition by distinct_id
                order by person_distinct_id_version desc, arrived_at desc, person_id
            ) as recency
        from persons
    ),

    seen as (
        select distinct_id
        from {{ ref("int_events") }}
        where distinct_id is not null
        group by distinct_id
    )

select
    distinct_id,
    case when is_deleted then null else person_id end as person_id,
    case when is_deleted then 'deleted' else 'persons_version' end as rule,
    'version ' || cast(person_distinct_id_version as varchar) as evidence
from ranked
where recency = 1

union all

-- With `identified_only`, visitors without a profile are absent from persons: the id is the person.
select seen.distinct_id, pseudonyms.pseudonym as person_id, 'no_profile' as rule, null as evidence
from seen
left join {{ ref("stg_posthog__pseudonyms") }} as pseudonyms on seen.distinct_id = pseudonyms.raw_id
left join ranked on seen.distinct_id = ranked.distinct_id
where ranked.distinct_id is null
