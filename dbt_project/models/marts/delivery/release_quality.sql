-- One row per published release: what it brought, what broke, and the NPS of those who ran it
-- beside the NPS of those who did not, of answers in the weeks after it. Who ran it is no choice of
-- theirs where a release is rolled out by account; where accounts choose, the difference is no
-- effect. Of forty releases two would differ by chance alone: what is called worse or better is so
-- at 5 % for all of them together (Bonferroni).
{% set days = var("release_answer_days") %}
with
    releases as (select * from {{ ref("int_releases") }}),

    brought as (
        select
            repository,
            release_tag,
            count(*) as change_count,
            count(distinct issue_key) as issue_count,
            count(distinct roadmap_item_id) as roadmap_item_count,
            median(lead_seconds) as lead_seconds_p50
        from {{ ref("changes") }}
        where release_tag is not null
        group by repository, release_tag
    ),

    ran as (
        select
            releases.tag_name,
            releases.repository,
            versions.account_id,
            versions.first_run_at,
            versions.person_count
        from releases
        inner join
            {{ ref("int_account_versions") }} as versions
            on releases.app_version = versions.app_version
    ),

    exposed as (
        select repository, tag_name, count(*) as account_count, sum(person_count) as person_count
        from ran
        group by repository, tag_name
    ),

    broke as (
        select
            releases.repository,
            releases.tag_name,
            count(*) as deployment_count,
            sum(case when deployments.is_failed then 1 else 0 end) as failed_count
        from releases
        inner join
            {{ ref("deployments") }} as deployments
            on releases.repository = deployments.repository
            and deployments.deployed_at <= releases.published_at
            and deployments.deployed_at
            > coalesce(releases.previous_published_at, timestamp '1970-01-01 00:00:00')
        group by releases.repository, releases.tag_name
    ),

    answers as (
        select
            releases.repository || ' ' || releases.tag_name as release_key,
            ran.account_id is not null as is_exposed,
            said.score
        from releases
        -- Nobody is known to have run a version that no event names.
        inner join
            exposed
            on releases.repository = exposed.repository
            and releases.tag_name = exposed.tag_name
        inner join
            {{ ref("survey_responses") }} as said
            on said.submitted_at >= releases.published_at
            and said.submitted_at < releases.published_at + {{ days }} * interval '1 day'
        left join
            ran
            on releases.repository = ran.repository
            and releases.tag_name = ran.tag_name
            and said.account_id = ran.account_id
            and ran.first_run_at <= said.submitted_at
        where said.metric = 'nps' and said.is_counted and said.account_id is not null
    ),

    compared as ({{ nps_beside_others("answers", "release_key", "is_exposed") }})

select
    releases.repository,
    releases.tag_name as release_tag,
    releases.release_name,
    releases.is_hotfix,
    releases.was_hotfixed,
    releases.published_at,
    releases.superseded_at,
    coalesce(brought.change_count, 0) as change_count,
    coalesce(brought.issue_count, 0) as issue_count,
    coalesce(brought.roadmap_item_count, 0) as roadmap_item_count,
    cast(brought.lead_seconds_p50 as {{ type_double() }}) as lead_seconds_p50,
    coalesce(broke.deployment_count, 0) as deployment_count,
    cast(coalesce(broke.failed_count, 0) as bigint) as failed_deployment_count,
    coalesce(exposed.account_count, 0) as exposed_account_count,
    cast(coalesce(exposed.person_count, 0) as bigint) as exposed_people_count,
    cast(coalesce(compared.answers, 0) as bigint) as exposed_answer_count,
    cast(coalesce(compared.other_answers, 0) as bigint) as other_answer_count,
    cast(compared.nps as {{ type_double() }}) as nps_exposed,
    cast(compared.nps_others as {{ type_double() }}) as nps_others,
    cast(compared.difference as {{ type_double() }}) as nps_delta,
    cast(compared.margin_95 as {{ type_double() }}) as nps_delta_margin_95,
    case
        when compared.difference is null
        then 'cannot tell'
        when
            coalesce(compared.chance, case when compared.difference = 0 then 1 else 0 end)
            * count(compared.difference) over ()
            >= 0.05
        then 'no difference'
        when compared.difference < 0
        then 'worse'
        else 'better'
    end as nps_verdict
from releases
left join
    brought on releases.repository = brought.repository and releases.tag_name = brought.release_tag
left join broke on releases.repository = broke.repository and releases.tag_name = broke.tag_name
left join
    exposed on releases.repository = exposed.repository and releases.tag_name = exposed.tag_name
left join compared on releases.repository || ' ' || releases.tag_name = compared.release_key
