-- The Linear project that works on a theme: the one the seed names, else the one that most needs of
-- the theme are put under. As it is now.
with
    linked as (
        select labels.theme, items.project_id, count(*) as need_count
        from {{ ref("int_feedback_items") }} as items
        inner join {{ ref("int_text_themes") }} as labels on items.text = labels.text
        cross join {{ ref("int_theme_quality") }} as quality
        where
            items.project_id is not null and labels.theme <> 'unclassified' and quality.is_published
        group by labels.theme, items.project_id
    ),

    ranked as (
        select
            *, row_number() over (partition by theme order by need_count desc, project_id) as choice
        from linked
    ),

    named as (
        select themes.theme, min(projects.project_id) as project_id
        from {{ ref("research_themes") }} as themes
        inner join
            {{ ref("stg_linear__projects") }} as projects
            on themes.project_name = projects.project_name
        where not projects.is_trashed
        group by themes.theme
    ),

    chosen as (
        select
            themes.theme,
            coalesce(named.project_id, ranked.project_id) as project_id,
            case when named.project_id is null then 'needs' else 'seed' end as rule
        from {{ ref("research_themes") }} as themes
        left join named on themes.theme = named.theme
        left join ranked on themes.theme = ranked.theme and ranked.choice = 1
    )

select chosen.theme, chosen.project_id, projects.project_name, chosen.rule
from chosen
inner join {{ ref("stg_linear__projects") }} as projects on chosen.project_id = projects.project_id
