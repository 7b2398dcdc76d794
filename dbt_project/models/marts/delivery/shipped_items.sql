-- One row per roadmap item that was completed. It came with the last release that carried a
-- change of it merged before it was called done: what is merged later mends it. A change
-- without a release yet moves it once it has one; without any it was there when it was called
-- done.
with
    items as (
        select project_id, project_name, completed_at
        from {{ ref("stg_linear__projects") }}
        where completed_at is not null and not is_trashed
    ),

    carried as (
        select
            items.project_id,
            changes.repository,
            changes.release_tag,
            releases.published_at,
            row_number() over (
                partition by items.project_id order by releases.published_at desc, changes.change_id
            ) as recency
        from items
        inner join
            {{ ref("changes") }} as changes
            on items.project_id = changes.roadmap_item_id
            and changes.merged_at <= items.completed_at
        inner join
            {{ ref("int_releases") }} as releases
            on changes.repository = releases.repository
            and changes.release_tag = releases.tag_name
    ),

    -- A project may work on several themes: the first by name that has a feature.
    served as (
        select projects.project_id, min(themes.feature_id) as feature_id
        from {{ ref("int_theme_projects") }} as projects
        inner join {{ ref("research_themes") }} as themes on projects.theme = themes.theme
        group by projects.project_id
    ),

    shipped as (
        select
            items.*,
            coalesce(named.feature_id, served.feature_id) as feature_id,
            carried.repository,
            carried.release_tag,
            coalesce(carried.published_at, items.completed_at) as shipped_at
        from items
        left join carried on items.project_id = carried.project_id and carried.recency = 1
        left join served on items.project_id = served.project_id
        left join {{ ref("roadmap_features") }} as named on items.project_name = named.project_name
    )

select
    project_id as roadmap_item_id,
    project_name as roadmap_item,
    feature_id,
    repository,
    release_tag,
    completed_at,
    shipped_at,
    cast(shipped_at as date) as shipped_date,
    {{ date_plus_days(week_start("shipped_at"), 7 * var("release_outcome_weeks")) }} as outcome_date
from shipped
