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
    path's end only. last_touches: only the last so many of a path. clean_up: their names in the order
    in which they are done, each to what the one before left.
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
    clean_up=["remove", "remove_trailing", "clean_path", "last_touches"],
    direct="Direct",
    has_milestones=false,
    only_models=none
) -%}
    {%- set models = [
        "first_touch",
        "last_touch",
        "last_non_direct",
        "linear",
        "time_decay",
        "position_based",
    ] -%}
    {%- set milestones = {
        "u_shaped": {"first_milestone": 0.4, "lead_milestone": 0.4, "others": 0.2},
        "w_shaped": {
            "first_milestone": 0.3,
            "lead_milestone": 0.3,
            "deal_milestone": 0.3,
            "others": 0.1,
        },
        "full_path": {
            "first_milestone": 0.225,
            "lead_milestone": 0.225,
            "deal_milestone": 0.225,
            "last_milestone": 0.225,
            "others": 0.1,
        },
    } -%}
    {%- set models = only_models or models + (
        milestones.keys() | list if has_milestones else []
    ) -%}
    {#- All that a model asks of a path comes from one sort of it. -#}
    {%- set path = "over (partition by conversion_id order by touched_at, touch_id" -%}
    {%- set whole = path ~ " rows between unbounded preceding and unbounded following)" -%}
    {%- set onwards = path ~ " rows between current row and unbounded following)" -%}
    {%- set given = {
        "remove": remove,
        "remove_trailing": remove_trailing,
        "clean_path": clean_path if clean_path != "unique" else none,
        "last_touches": last_touches,
    } -%}
    {%- set touch_columns = [
        "conversion_id",
        "value",
        "touch_id",
        "touch_value",
        "touched_at",
        "converted_at",
    ] + (["is_lead_creation", "is_deal_creation"] if has_milestones else []) -%}
    {%- set is_non_direct = "case when touch_value = '" ~ direct ~ "' then 0 else 1 end" -%}
    with
        touches as (select * from {{ touches }}),

        conversions as (select * from {{ conversions }}),

        models as (
            {% for model in models %}
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
                conversions.converted_at
                {% if has_milestones %}
                    , touches.is_lead_creation, touches.is_deal_creation
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

        {%- set ns = namespace(source="eligible") %}
        {% for kind in clean_up if given[kind] %}
            {% if kind in ["remove", "remove_trailing"] %}
                {%- set is_other = (
                    "case when coalesce(touch_value in ('" ~ given[kind]
                    | join("', '") ~ "'), false) then 0 else 1 end"
                ) -%}
                {%- set reach = (
                    "unbounded following"
                    if kind == "remove_trailing"
                    else "current row"
                ) -%}
                {%- set condition = "is_kept = 1 or has_others = 0" %}
                {{ kind }}_marked as (
                    select
                        *,
                        max({{ is_other }}) over (partition by conversion_id) as has_others,
                        max({{ is_other }}) over (
                            partition by conversion_id
                            order by touched_at, touch_id
                            rows between current row and {{ reach }}
                        ) as is_kept
                    from {{ ns.source }}
                ),
            {% elif kind == "clean_path" %}
                {%- set condition = (
                    "occurrence = 1 or touch_value is distinct from value_before"
                    if clean_path == "exposure"
                    else "occurrence = 1"
                ) %}
                {{ kind }}_marked as (
                    select
                        *,
                        lag(touch_value) over (
                            partition by conversion_id order by touched_at, touch_id
                        ) as value_before,
                        row_number() over (
                            partition by conversion_id, touch_value order by touched_at, touch_id
                        ) as occurrence
                    from {{ ns.source }}
                ),
            {% else %}
                {%- set condition = "place_from_end <= " ~ last_touches %}
                {{ kind }}_marked as (
                    select
                        *,
                        row_number() over (
                            partition by conversion_id order by touched_at desc, touch_id desc
                        ) as place_from_end
                    from {{ ns.source }}
                ),
            {% endif %}
            {{ kind }}_done as (
                select {{ touch_columns | join(", ") }} from {{ kind }}_marked where {{ condition }}
            ),
            {%- set ns.source = kind ~ "_done" %}
        {% endfor %}

        {% if models == ["linear"] %}
            -- Linear asks for no order: counting needs no sort.
            lengths as (
                select conversion_id, count(*) as touch_count
                from {{ ns.source }}
                group by conversion_id
            ),

            paths as (
                select
                    touched.conversion_id,
                    touched.value,
                    touched.touch_id,
                    touched.touch_value,
                    lengths.touch_count
                from {{ ns.source }} as touched
                inner join lengths on touched.conversion_id = lengths.conversion_id
            ),
        {% else %}
            paths as (
                select
                    conversion_id,
                    value,
                    touch_id,
                    touch_value,
                    row_number() {{ path ~ ")" }} as place,
                    {{ is_non_direct }} as is_non_direct,
                    sum({{ is_non_direct }}) {{ whole }} as non_direct_count,
                    sum({{ is_non_direct }}) {{ onwards }} as non_direct_ahead,
                    {% if "time_decay" in models %}
                        {{ decayed(half_life_days) }} as decayed,
                        sum({{ decayed(half_life_days) }}) {{ whole }} as decayed_sum,
                    {% endif %}
                    {% if has_milestones %}
                        case when is_lead_creation then 1.0 else 0.0 end as lead_milestone,
                        case when is_deal_creation then 1.0 else 0.0 end as deal_milestone,
                    {% endif %}
                    count(*) {{ whole }} as touch_count
                from {{ ns.source }}
            ),
        {% endif %}

        {% if has_milestones %}
            flagged as (
                select
                    *,
                    case when place = 1 then 1.0 else 0.0 end as first_milestone,
                    case when place = touch_count then 1.0 else 0.0 end as last_milestone
                from paths
            ),

            counted as (
                select
                    *
                    {% for model, shares in milestones.items() if model in models %}
                        ,
                        {{ is_other_touch(shares) }} as {{ model }}_other
                        {% for name in shares if name != "others" %}
                            ,
                            sum({{ name }}) over (
                                partition by conversion_id
                            ) as {{ model }}_{{ name }}
                        {% endfor %},
                        sum({{ is_other_touch(shares) }}) over (
                            partition by conversion_id
                        ) as {{ model }}_others
                    {% endfor %}
                from flagged
            ),
        {% endif %}

        weights as (
            select
                conversion_id,
                value,
                touch_id,
                touch_value,
                model,
                case
                    models.model
                    {% for model in models %}
                        when '{{ model }}'
                        then
                            {% if model == "first_touch" %}
                                case when place = 1 then 1.0 else 0.0 end
                            {% elif model == "last_touch" %}
                                case when place = touch_count then 1.0 else 0.0 end
                            {% elif model == "last_non_direct" %}
                                case
                                    when
                                        (is_non_direct = 1 and non_direct_ahead = 1)
                                        or (non_direct_count = 0 and place = touch_count)
                                    then 1.0
                                    else 0.0
                                end
                            {% elif model == "linear" %} 1.0 / touch_count
                            {% elif model == "time_decay" %} decayed / decayed_sum
                            {% elif model == "position_based" %}
                                case
                                    when touch_count <= 2
                                    then 1.0 / touch_count
                                    when place in (1, touch_count)
                                    then 0.4
                                    else 0.2 / (touch_count - 2)
                                end
                            {% else %} {{ milestone_weight(model, milestones[model]) }}
                            {% endif %}
                    {% endfor %}
                end as weight
            from {{ "counted" if has_milestones else "paths" }}
            cross join models
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
        (
            {% if models == ["linear"] %}select conversion_id from lengths
            {% else %}select distinct conversion_id from eligible
            {% endif %}
        ) as attributed
        on conversions.conversion_id = attributed.conversion_id
    where attributed.conversion_id is null
{%- endmacro %}

{#- A touch's worth under time decay, before it is shared. -#}
{% macro decayed(half_life_days) -%}
    power(0.5, {{ seconds_between("touched_at", "converted_at") }} / 86400.0 / {{ half_life_days }})
{%- endmacro %}

{#- Whether a touch is none of a model's milestones. -#}
{% macro is_other_touch(shares) -%}
    case
        when
            {% for name in shares if name != "others" %}
                {{ name }} = 0.0 {%- if not loop.last %} and {% endif %}
            {% endfor %}
        then 1.0
        else 0.0
    end
{%- endmacro %}

{#- The share of one touch under a model of milestones: what a missing milestone or missing others would
    have had is spread over the rest by dividing by the sum. -#}
{% macro milestone_weight(model, shares) -%}
    (
        {% for name, share in shares.items() if name != "others" %}
            {{ share }} * {{ name }} +
        {% endfor %}
        {{ shares["others"] }} * {{ model }}_other / greatest({{ model }}_others, 1)
    ) / (
        {% for name, share in shares.items() if name != "others" %}
            {{ share }} * {{ model }}_{{ name }} +
        {% endfor %}
        {{ shares["others"] }} * least({{ model }}_others, 1)
    )
{%- endmacro %}
