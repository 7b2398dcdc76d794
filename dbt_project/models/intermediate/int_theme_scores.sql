-- How well the themes of the gold texts are found: true and false finds by theme. A gold text that
-- is given several themes counts as the one with the greatest weight.
with
    found as (
        select
            gold.theme as gold_theme,
            labels.theme,
            row_number() over (
                partition by gold.text order by labels.weight desc, labels.theme
            ) as choice
        from {{ ref("theme_gold") }} as gold
        inner join {{ ref("int_text_themes") }} as labels on gold.text = labels.text
    ),

    counts as (
        select
            themes.theme,
            cast(
                sum(case when found.gold_theme = themes.theme then 1 else 0 end) as bigint
            ) as gold_count,
            cast(
                sum(case when found.theme = themes.theme then 1 else 0 end) as bigint
            ) as found_count,
            cast(
                sum(
                    case
                        when found.gold_theme = themes.theme and found.theme = themes.theme
                        then 1
                        else 0
                    end
                ) as bigint
            ) as hit_count
        from {{ ref("research_themes") }} as themes
        inner join found on found.choice = 1
        group by themes.theme
    )

select
    theme,
    gold_count,
    found_count,
    hit_count,
    hit_count * 1.0 / nullif(found_count, 0) as precision_share,
    hit_count * 1.0 / nullif(gold_count, 0) as recall_share,
    -- A theme that is neither asked for nor found has none; one that is never found has 0.
    2.0 * hit_count / nullif(gold_count + found_count, 0) as f1
from counts
