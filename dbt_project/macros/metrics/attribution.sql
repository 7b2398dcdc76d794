{#- Which touches get the credit of a conversion. Rows of (conversion_id, touch_id, touch_value, model,
    weight, value): weights of a conversion and model sum to 1. A conversion without an eligible touch
    has one row per model with touch_value '(unattributed)', so no total loses it.

    touches: (unit, touch_id, touched_at, touch_value[, is_lead_creation, is_deal_creation]);
    conversions: (unit, conversion_id, converted_at, value), both relations, times in UTC.
    A touch is eligible at or before the conversion and at most lookback_days older.
    excluded: conditions on touches that are left out before weighting, so that the others share.
    half_life_days: of time decay; PostHog takes a quarter of the lookback, at least one day.
    clean_path: unique (as it is), exposure (immediate repeats collapsed) or first (first of each).
    remove: values that are left out unless the path is nothing else; remove_trailing: the same at the
    path's end only. last_touches: only the last so many of a path.
    only_models: names of the models to weigh by; else all that can be had. direct: the value that last non-direct passes over.
    Source: PostHog `attribution_weights.py`, dbt-snowplow-attribution, HubSpot's model descriptions. -#}
{% macro attribution(
    touches,
    conversions,
    lookback_days=30,
    excluded="false",
    half_life_days=7,
    clean_path="unique",
    remove=[],
    remove_trailing=[],
    last_touches=none,
    direct="Direct",
    has_milestones=false,
    only_models=none
) -%}
    with
        touches as (select * from {{ touches }}),

        conversions as (select * from {{ conversions }}),

        models as (
            {% set models = [
                "first_touch",
                "last_touch",
                "last_non_direct",
                "linear",
                "time_decay",
                "position_based",
            ] %}
            {% set milestones = ["u_shaped", "w_shaped", "full_path"] if has_milestones else [] %}
            {% for model in only_models or models + milestones %}
                select '{{ model }}' as model
                {% if not loop.last %}
                    union all
                {% endif %}
            {% endfor %}
        ),

        eligible as (
            select
                conversions.conversion_id,
                conversions.value,
                touches.touch_id,
                touches.touch_value,
                touches.touched_at,
                {{ seconds_between("touches.touched_at", "conversions.converted_at") }}
                / 86400.0 as age_days,
                {% if has_milestones %} touches.is_lead_creation, touches.is_deal_creation
                {% else %} false as is_lead_creation, false as is_deal_creation
                {% endif %}
            from conversions
            inner join
                touches
                on conversions.unit = touches.unit
                and touches.touched_at <= conversions.converted_at
                and touches.touched_at
                >= conversions.converted_at - {{ lookback_days }} * interval '1 day'
            where not coalesce({{ excluded }}, false)
        ),

        {% if remove or remove_trailing %}
            {%- set is_other = (
                "case when coalesce(touch_value in ('" ~ (remove + remove_trailing)
                | join("', '") ~ "'), false) then 0 else 1 end"
            ) -%}
            {%- set reach = "unbounded following" if remove_trailing else "current row" %}
            removable as (
                select
                    *,
                    max({{ is_other }}) over (partition by conversion_id) as has_others,
                    max({{ is_other }}) over (
                        partition by conversion_id
                        order by touched_at, touch_id
                        rows between current row and {{ reach }}
                    ) as is_kept
                from eligible
            ),

            remaining as (select * from removable where is_kept = 1 or has_others = 0),
        {% else %} remaining as (select * from eligible),
        {% endif %}

        cleaned as (
            select *
            from
                (
                    select
                        *,
                        lag(touch_value) over (
                            partition by conversion_id order by touched_at, touch_id
                        ) as value_before,
                        row_number() over (
                            partition by conversion_id, touch_value order by touched_at, touch_id
                        ) as occurrence
                    from remaining
                ) as neighbours
            {% if clean_path == "exposure" %}
                where occurrence = 1 or touch_value is distinct from value_before
            {% elif clean_path == "first" %} where occurrence = 1
            {% endif %}
        ),

        numbered as (
            select
                *,
                row_number() over (
                    partition by conversion_id order by touched_at, touch_id
                ) as place,
                row_number() over (
                    partition by conversion_id order by touched_at desc, touch_id desc
                ) as place_from_end
            from cleaned
        ),

        paths as (
            select
                *,
                min(place) over (partition by conversion_id) as first_place,
                count(*) over (partition by conversion_id) as touch_count,
                row_number() over (
                    partition by conversion_id
                    order by
                        case when touch_value = '{{ direct }}' then 1 else 0 end,
                        touched_at desc,
                        touch_id desc
                ) as place_non_direct
            from numbered
            {% if last_touches %} where place_from_end <= {{ last_touches }} {% endif %}
        ),

        {%- set first = "case when place = first_place then 1.0 else 0.0 end" -%}
        {%- set last = "case when place_from_end = 1 then 1.0 else 0.0 end" -%}
        {%- set lead = "case when is_lead_creation then 1.0 else 0.0 end" -%}
        {%- set deal = "case when is_deal_creation then 1.0 else 0.0 end" %}
        raw_weights as (
            select
                paths.*,
                models.model,
                case
                    models.model
                    when 'first_touch'
                    then {{ first }}
                    when 'last_touch'
                    then {{ last }}
                    when 'last_non_direct'
                    then case when place_non_direct = 1 then 1.0 else 0.0 end
                    when 'linear'
                    then 1.0
                    when 'time_decay'
                    then power(0.5, age_days / {{ half_life_days }})
                    when 'position_based'
                    then
                        case
                            when touch_count <= 2
                            then 1.0
                            else
                                0.4 * {{ first }}
                                + 0.4 * {{ last }}
                                + case
                                    when place > first_place and place_from_end > 1
                                    then 0.2 / (touch_count - 2)
                                    else 0.0
                                end
                        end
                    when 'u_shaped'
                    then
                        {{
                            milestone_weight(
                                {"first": 0.4, "lead": 0.4}, 0.2, first, lead, deal, last
                            )
                        }}
                    when 'w_shaped'
                    then
                        {{
                            milestone_weight(
                                {"first": 0.3, "lead": 0.3, "deal": 0.3},
                                0.1,
                                first,
                                lead,
                                deal,
                                last,
                            )
                        }}
                    when 'full_path'
                    then
                        {{
                            milestone_weight(
                                {"first": 0.225, "lead": 0.225, "deal": 0.225, "last": 0.225},
                                0.1,
                                first,
                                lead,
                                deal,
                                last,
                            )
                        }}
                end as raw_weight
            from paths
            cross join models
        ),

        weights as (
            select
                conversion_id,
                value,
                touch_id,
                touch_value,
                model,
                raw_weight / sum(raw_weight) over (partition by conversion_id, model) as weight
            from raw_weights
        )

    select conversion_id, touch_id, touch_value, model, weight, weight * value as value
    from weights
    union all
    select
        conversions.conversion_id,
        null as touch_id,
        '(unattributed)' as touch_value,
        models.model,
        1.0 as weight,
        conversions.value
    from conversions
    cross join models
    left join
        (select distinct conversion_id from eligible) as attributed
        on conversions.conversion_id = attributed.conversion_id
    where attributed.conversion_id is null
{%- endmacro %}

{#- The share of one touch under a model of milestones, before normalising: what a missing milestone
    or missing others would have had is spread over the rest by dividing by the sum. -#}
{% macro milestone_weight(shares, others, first, lead, deal, last) -%}
    {%- set flags = {"first": first, "lead": lead, "deal": deal, "last": last} -%}
    (
        {% for name, share in shares.items() -%}{{ share }} * {{ flags[name] }} + {%- endfor %}
        case
            when {% for name in shares %} {{ flags[name] }} = 0.0 and {% endfor %} true
            then
                {{ others }} / nullif(
                    sum(
                        case
                            when
                                {% for name in shares %}
                                    {{ flags[name] }} = 0.0 and
                                {% endfor %} true
                            then 1.0
                            else 0.0
                        end
                    ) over (partition by conversion_id, models.model),
                    0.0
                )
            else 0.0
        end
    )
{%- endmacro %}
