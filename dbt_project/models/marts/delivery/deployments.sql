-- One row per deployment to production.
with
    changes as (
        select deployment_id, count(*) as change_count
        from {{ ref("changes") }}
        where deployment_id is not null
        group by deployment_id
    )

select
    deployments.deployment_id,
    deployments.repository,
    deployments.commit_sha,
    deployments.deployed_at,
    coalesce(changes.change_count, 0) as change_count,
    cast(deployments.incident_count as bigint) as incident_count,
    deployments.incident_count > 0 as is_failed,
    deployments.restored_at,
    cast(
        {{ seconds_between("deployments.deployed_at", "deployments.restored_at") }} as bigint
    ) as restore_seconds
from {{ ref("int_deployments") }} as deployments
left join changes on deployments.deployment_id = changes.deployment_id
