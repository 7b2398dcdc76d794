-- One row per pull request merged into a production branch, with the first deployment to production
-- after it, the first release after that, and the issue and roadmap item that its branch names. It
-- is a change from the moment it was opened: GitHub's lists have no time of its first commit, which
-- would cost a call for each.
{% set branches = var("production_branches") %}
with
    pulls as (
        select *, upper(regexp_extract(lower(head_ref), '[a-z][a-z0-9]*-[0-9]+')) as issue_key
        from {{ ref("stg_github__pulls") }}
        where merged_at is not null and base_ref in ({{ "'" ~ branches | join("', '") ~ "'" }})
    )

select
    pulls.pull_id as change_id,
    pulls.repository,
    cast(pulls.pull_number as bigint) as pull_number,
    issues.issue_key,
    issues.project_id as roadmap_item_id,
    pulls.created_at as opened_at,
    pulls.merged_at,
    deployments.deployment_id,
    deployments.deployed_at,
    cast(
        {{ seconds_between("pulls.created_at", "deployments.deployed_at") }} as bigint
    ) as lead_seconds,
    releases.tag_name as release_tag
from pulls
left join
    {{ ref("int_deployments") }} as deployments
    on pulls.repository = deployments.repository
    and pulls.merged_at <= deployments.deployed_at
    and pulls.merged_at
    > coalesce(deployments.previous_deployed_at, timestamp '1970-01-01 00:00:00')
left join
    {{ ref("int_releases") }} as releases
    on pulls.repository = releases.repository
    and deployments.deployed_at <= releases.published_at
    and deployments.deployed_at
    > coalesce(releases.previous_published_at, timestamp '1970-01-01 00:00:00')
left join {{ ref("stg_linear__issues") }} as issues on pulls.issue_key = issues.issue_key
