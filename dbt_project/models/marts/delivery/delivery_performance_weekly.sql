-- One row per week that is over, from the first deployment on: how often and how safely changes
-- went out, and how long issues waited and were worked on. Medians of weeks do not add up to those
-- of a month: delivery.changes and delivery.deployments have the single ones.
with
    first_week as (
        select min({{ week_start("deployed_at") }}) as week_start from {{ ref("deployments") }}
    ),

    weeks as (
        select complete.week_start
        from ({{ complete_weeks() }}) as complete
        inner join first_week on complete.week_start >= first_week.week_start
    ),

    deployed as (
        select
            {{ week_start("deployed_at") }} as week_start,
            count(*) as deployment_count,
            sum(case when is_failed then 1 else 0 end) as failed_count,
            median(restore_seconds) as restore_seconds_p50
        from {{ ref("deployments") }}
        group by 1
    ),

    shipped as (
        select
            {{ week_start("deployed_at") }} as week_start,
            count(*) as change_count,
            median(lead_seconds) as lead_seconds_p50
        from {{ ref("changes") }}
        where deployed_at is not null
        group by 1
    ),

    finished as (
        select
            {{ week_start("completed_at") }} as week_start,
            count(*) as issue_count,
            median({{ seconds_between("created_at", "started_at") }}) as waiting_seconds_p50,
            median({{ seconds_between("started_at", "completed_at") }}) as working_seconds_p50
        from {{ ref("stg_linear__issues") }}
        where completed_at is not null and not is_trashed
        group by 1
    )

select
    weeks.week_start,
    coalesce(deployed.deployment_count, 0) as deployment_count,
    cast(coalesce(deployed.failed_count, 0) as bigint) as failed_deployment_count,
    cast(
        deployed.failed_count * 1.0 / deployed.deployment_count as {{ type_double() }}
    ) as change_failure_rate,
    cast(deployed.restore_seconds_p50 as {{ type_double() }}) as restore_seconds_p50,
    coalesce(shipped.change_count, 0) as change_count,
    cast(shipped.lead_seconds_p50 as {{ type_double() }}) as lead_seconds_p50,
    coalesce(finished.issue_count, 0) as completed_issue_count,
    cast(finished.waiting_seconds_p50 as {{ type_double() }}) as waiting_seconds_p50,
    cast(finished.working_seconds_p50 as {{ type_double() }}) as working_seconds_p50
from weeks
left join deployed on weeks.week_start = deployed.week_start
left join shipped on weeks.week_start = shipped.week_start
left join finished on weeks.week_start = finished.week_start
