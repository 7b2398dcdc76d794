-- One row: how good the themes are on the gold texts as a whole, and whether they may be shown.
with
    scores as (
        select
            avg(case when theme <> 'unclassified' and gold_count > 0 then f1 end) as macro_f1,
            sum(gold_count) as gold_count
        from {{ ref("int_theme_scores") }}
    ),

    severities as (
        select avg(case when gold.severity = labels.severity then 1.0 else 0.0 end) as accuracy
        from {{ ref("theme_gold") }} as gold
        inner join {{ ref("int_text_themes") }} as labels on gold.text = labels.text
    ),

    methods as (select max(method_version) as method_version from {{ ref("int_text_themes") }})

select
    methods.method_version,
    cast(coalesce(scores.gold_count, 0) as bigint) as gold_count,
    scores.macro_f1,
    severities.accuracy as severity_accuracy,
    {{ var("themes_least_macro_f1") }} as least_macro_f1,
    coalesce(scores.macro_f1 >= {{ var("themes_least_macro_f1") }}, false) as is_published
from scores
cross join severities
cross join methods
