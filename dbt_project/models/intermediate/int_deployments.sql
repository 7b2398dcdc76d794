-- One row per deployment to production, with the incidents that it caused. An incident belongs to
-- the deployment whose commit it names, else to the last one before it.
{% set environments = var("production_environments") %}
with
    deployments as (
        select
            *,
            lag(created_at) over (
                partition by repository order by created_at, deployment_id
            ) as previous_deployed_at
        from {{ ref("stg_github__deployments") }}
        where lower(environment) in ({{ "'" ~ environments | join("', '") ~ "'" }})
    ),

    ranked as (
        select
            incidents.issue_id,
            incidents.closed_at,
            deployments.deployment_id,
            row_number() over (
                partition by incidents.issue_id
                order by
                    case
                        when
                            substr(deployments.commit_sha, 1, length(incidents.caused_by_commit))
                            = incidents.caused_by_commit
                        then 0
                        else 1
                    end,
                    deployments.created_at desc,
                    deployments.deployment_id desc
            ) as choice
        from {{ ref("stg_github__issues") }} as incidents
        inner join
            deployments
            on incidents.repository = deployments.repository
            and incidents.created_at >= deployments.created_at
        where incidents.is_incident
    ),

    caused as (
        select
            deployment_id,
            count(*) as incident_count,
            case when count(closed_at) = count(*) then max(closed_at) end as restored_at
        from ranked
        where choice = 1
        group by deployment_id
    )

select
    deployments.repository,
    deployments.deployment_id,
    deployments.commit_sha,
    deployments.created_at as deployed_at,
    deployments.previous_deployed_at,
    coalesce(caused.incident_count, 0) as incident_count,
    caused.restored_at
from deployments
left join caused on deployments.deployment_id = caused.deployment_id
