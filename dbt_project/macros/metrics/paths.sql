{#- (source, target, value): steps between consecutive items of a path and how many paths take them,
    numbered by position: `1_/` to `2_/pricing`. A gap longer than `gap_minutes` starts a new path.
    item: the expression that names a step. max_steps: how deep. collapse: immediate repeats are one.
    Filters belong into the relation: paths are built from what is left. -#}
{% macro path_edges(
    relation,
    item,
    gap_minutes=30,
    max_steps=5,
    collapse=false,
    unit="person_id",
    order_by="event_id"
) -%}
    with
        steps as ({{ path_steps(relation, item, gap_minutes, collapse, unit, order_by) }}),

        edges as (
            select
                place,
                item,
                lead(item) over (partition by unit, path_number order by place) as next_item
            from steps
        )

    select
        cast(place as varchar) || '_' || item as source,
        cast(place + 1 as varchar) || '_' || next_item as target,
        count(*) as value
    from edges
    where next_item is not null and place < {{ max_steps }}
    group by 1, 2
{%- endmacro %}

{#- (unit, path_number, place, item): every step of every path. gap_minutes none: one path a unit. -#}
{% macro path_steps(
    relation,
    item,
    gap_minutes=30,
    collapse=false,
    unit="person_id",
    order_by="event_id"
) -%}
    {%- set order = "order by occurred_at, " ~ order_by -%}
    select
        unit,
        path_number,
        item,
        row_number() over (partition by unit, path_number {{ order }}) as place
    from
        (
            select *, lag(item) over (partition by unit, path_number {{ order }}) as item_before
            from
                (
                    select
                        *,
                        sum(opens) over (
                            partition by unit {{ order }}
                            rows between unbounded preceding and current row
                        ) as path_number
                    from
                        (
                            select
                                *,
                                {% if gap_minutes is none %} 0
                                {% else %}
                                    case
                                        when
                                            {{
                                                seconds_between(
                                                    "lag(occurred_at) over (partition by unit "
                                                    ~ order
                                                    ~ ")",
                                                    "occurred_at",
                                                )
                                            }} <= {{ gap_minutes * 60 }}
                                        then 0
                                        else 1
                                    end
                                {% endif %} as opens
                            from
                                (
                                    select
                                        {{ unit }} as unit,
                                        occurred_at,
                                        {{ order_by }},
                                        {{ item }} as item
                                    from {{ relation }}
                                    where {{ unit }} is not null
                                ) as items
                            where item is not null
                        ) as gaps
                ) as numbered
        ) as neighbours
    {% if collapse %} where item_before is null or item_before <> item {% endif %}
{%- endmacro %}

{#- (path, value): the sequences of `steps` items that follow (direction `after`) or precede (`before`)
    each occurrence of an anchor, the anchor included; shorter ones at the end of a path too. -#}
{% macro flows(
    relation,
    item,
    anchor,
    direction="after",
    steps=3,
    gap_minutes=none,
    unit="person_id",
    order_by="event_id"
) -%}
    {%- set offset = (
        "around.place - anchors.place"
        if direction == "after"
        else "anchors.place - around.place"
    ) -%}
    with
        steps as ({{ path_steps(relation, item, gap_minutes, false, unit, order_by) }}),

        sequences as (
            select
                anchors.unit,
                anchors.path_number,
                anchors.place,
                {% for step in range(steps) %}
                    max(case when {{ offset }} = {{ step }} then around.item end) as item_{{ step }}
                    {%- if not loop.last %},{% endif %}
                {% endfor %}
            from steps as anchors
            inner join
                steps as around
                on anchors.unit = around.unit
                and anchors.path_number = around.path_number
                and {{ offset }} between 0 and {{ steps - 1 }}
            where anchors.item = '{{ anchor }}'
            group by 1, 2, 3
        )

    select
        item_0
        {%- for step in range(1, steps) %}
            || coalesce(' > ' || item_{{ step }}, '')
        {%- endfor %} as path,
        count(*) as value
    from sequences
    group by 1
{%- endmacro %}

{#- A page without its query, fragment and closing slash. -#}
{% macro clean_url(column) -%}
    coalesce(
        nullif(regexp_replace(regexp_replace({{ column }}, '[?#].*$', ''), '(.)/+$', '\1'), ''), '/'
    )
{%- endmacro %}
