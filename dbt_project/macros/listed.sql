{#- The rows of a Linear table that are still there. What Linear purges leaves no trace but its
    absence in the last list of everything; what came after that list is there. -#}
{% macro still_in_linear(table) -%}
    select held.*
    from {{ source("linear", table) }} as held
    left join
        {{ source("linear", "listed") }} as listed
        on listed.object_type = '{{ table }}'
        and held.id = listed.id
    cross join
        (
            select max(listed_at) as listed_at
            from {{ source("linear", "listed") }}
            where object_type = '{{ table }}'
        ) as last_list
    where
        listed.id is not null
        or last_list.listed_at is null
        or held.created_at >= last_list.listed_at
{%- endmacro %}

{#- The rows of a GitHub table with `is_deleted`. What is deleted or transferred there leaves no
    trace but its absence in the last list of everything; what came with a list since is there. -#}
{% macro listed_by_github(table) -%}
    select held.*, coalesce(held.listed_at < listed.listed_at, false) as is_deleted
    from {{ source("github", table) }} as held
    left join
        {{ source("github", "listed") }} as listed
        on listed.object_type = '{{ table }}'
        and held.repository = listed.repository
{%- endmacro %}
