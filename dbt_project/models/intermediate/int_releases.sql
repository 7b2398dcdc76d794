-- One row per release that was published, with how long it was the newest of its repository. A tag
-- and the version that the app reports are one, with or without a leading v.
with
    published as (
        select
            repository,
            tag_name,
            coalesce(nullif(trim(name), ''), tag_name) as release_name,
            {{ app_version("tag_name") }} as app_version,
            lower(tag_name) like '{{ var("hotfix_tag_pattern") }}' as is_hotfix,
            published_at
        from {{ ref("stg_github__releases") }}
        where published_at is not null and not is_draft and not is_prerelease and not is_deleted
    )

select
    *,
    lag(published_at) over (
        partition by repository order by published_at, tag_name
    ) as previous_published_at,
    lead(published_at) over (
        partition by repository order by published_at, tag_name
    ) as superseded_at,
    coalesce(
        lead(is_hotfix) over (partition by repository order by published_at, tag_name), false
    ) as was_hotfixed
from published
