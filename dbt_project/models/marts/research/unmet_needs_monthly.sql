-- One row per theme, month and segment. A month looks at what was said in the `needs_window_months`
-- that end with it; `all` is every segment together.
{% set window = var("needs_window_months") %}
with
    months as (
        select distinct dates.month_start
        from {{ ref("dates") }} as dates
        inner join
            (select min(occurred_at) as first_at from {{ ref("feedback") }}) as feedback
            on dates.date_day >= cast(feedback.first_at as date)
    ),

    needs as ({{ needs_in_window(ref("feedback"), "months", window) }}),

    shares as ({{ need_shares("needs", "theme") }}),

    -- Every count is made for the segment and for all.
    scopes as (select number = 0 as is_all from ({{ numbers(2) }}) as scope_numbers),

    mentions as (
        select
            needs.month_start,
            needs.theme,
            case when scopes.is_all then 'all' else needs.segment end as segment,
            count(distinct needs.item_id) as mention_count,
            count(
                distinct case when needs.said_month = needs.month_start then needs.item_id end
            ) as month_mention_count,
            count(
                distinct case when needs.severity = 'blocking' then needs.item_id end
            ) as blocking_count,
            count(distinct needs.account_id) as account_count,
            count(distinct needs.person_id) as person_count,
            count(
                distinct case
                    when needs.said_month >= {{ later_bucket("needs.month_start", -2, "month") }}
                    then needs.item_id
                end
            ) as recent_count,
            count(
                distinct case
                    when
                        needs.said_month >= {{ later_bucket("needs.month_start", -5, "month") }}
                        and needs.said_month < {{ later_bucket("needs.month_start", -2, "month") }}
                    then needs.item_id
                end
            ) as earlier_count
        from needs
        cross join scopes
        group by 1, 2, 3
    ),

    money as (
        select
            shares.month_start,
            shares.theme,
            case
                when scopes.is_all then 'all' else coalesce(traits.segment, 'unknown')
            end as segment,
            {{ exact_sum("shares.share * 12 * paid.mrr_usd") }} as allocated_arr_usd,
            sum(12 * paid.mrr_usd) as touched_arr_usd
        from shares
        inner join
            {{ ref("int_account_months") }} as paid
            on shares.account_id = paid.account_id
            and shares.month_start = paid.month_start
        left join {{ ref("int_account_traits") }} as traits on shares.account_id = traits.account_id
        cross join scopes
        group by 1, 2, 3
    ),

    opinions as ({{ nps_by_need("needs", "months", ref("survey_responses"), window) }}),

    users as ({{ feature_users_by_month(ref("int_person_feature_weeks"), "scopes") }})

select
    mentions.theme,
    themes.theme_name,
    mentions.month_start,
    mentions.segment,
    {{ later_bucket("mentions.month_start", 1, "month") }} <= clock.as_of as is_complete,
    cast(coalesce(money.allocated_arr_usd, 0) as decimal(18, 2)) as allocated_arr_usd,
    cast(coalesce(money.touched_arr_usd, 0) as decimal(18, 2)) as touched_arr_usd,
    mentions.mention_count,
    mentions.month_mention_count,
    mentions.blocking_count,
    mentions.account_count,
    mentions.person_count,
    -- Of the last three months against the three before.
    cast(
        case
            when mentions.recent_count + mentions.earlier_count >= 30
            then mentions.recent_count * 1.0 / nullif(mentions.earlier_count, 0) - 1
        end as {{ type_double() }}
    ) as mention_trend,
    coalesce(opinions.own_count, 0) as nps_answer_count,
    cast(
        case
            when opinions.own_count >= 30 and opinions.other_count >= 30
            then opinions.own_nps - opinions.other_nps
        end as {{ type_double() }}
    ) as nps_drag,
    themes.feature_id,
    case
        when themes.feature_id is not null then coalesce(users.people_count, 0)
    end as feature_people_count,
    projects.project_id as roadmap_item_id,
    projects.project_name as roadmap_item
from mentions
inner join {{ ref("research_themes") }} as themes on mentions.theme = themes.theme
cross join {{ ref("int_clock") }} as clock
left join
    money
    on mentions.month_start = money.month_start
    and mentions.theme = money.theme
    and mentions.segment = money.segment
left join
    opinions
    on mentions.month_start = opinions.month_start
    and mentions.theme = opinions.theme
    and mentions.segment = opinions.segment
left join
    users
    on mentions.month_start = users.month_start
    and themes.feature_id = users.feature_id
    and mentions.segment = users.segment
left join {{ ref("int_theme_projects") }} as projects on mentions.theme = projects.theme
