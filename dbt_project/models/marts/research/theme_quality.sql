-- A row per theme that somebody may ask for, and one for all of them; measured anew each night.
with
    quality as (select * from {{ ref("int_theme_quality") }}),

    scores as (
        select theme, gold_count, found_count, hit_count, precision_share, recall_share, f1
        from {{ ref("int_theme_scores") }}
        union all
        select
            'all' as theme,
            sum(gold_count) as gold_count,
            sum(found_count) as found_count,
            sum(hit_count) as hit_count,
            sum(hit_count) * 1.0 / nullif(sum(found_count), 0) as precision_share,
            sum(hit_count) * 1.0 / nullif(sum(gold_count), 0) as recall_share,
            null as f1
        from {{ ref("int_theme_scores") }}
    )

select
    scores.theme,
    coalesce(quality.method_version, 'none') as method_version,
    cast(coalesce(scores.gold_count, 0) as bigint) as gold_count,
    cast(coalesce(scores.found_count, 0) as bigint) as found_count,
    cast(coalesce(scores.hit_count, 0) as bigint) as hit_count,
    cast(scores.precision_share as {{ type_double() }}) as precision_share,
    cast(scores.recall_share as {{ type_double() }}) as recall_share,
    cast(scores.f1 as {{ type_double() }}) as f1,
    cast(
        case when scores.theme = 'all' then quality.macro_f1 end as {{ type_double() }}
    ) as macro_f1,
    cast(
        case when scores.theme = 'all' then quality.severity_accuracy end as {{ type_double() }}
    ) as severity_accuracy,
    cast(quality.least_macro_f1 as {{ type_double() }}) as least_macro_f1,
    quality.is_published
from scores
cross join quality
