{#- Rows that look at their neighbours. A query sorts them once, in a subquery that ends with in_order,
    and every window right over it is over_in_order: of the rows of a unit by `order`.

    DuckDB keeps the order of such a subquery under windows with an empty `over`, which then need no
    sort of their own (its documentation, "Order preservation"): three million sorted rows and their
    predecessors take 0.12 s of CPU, windows with partitions 0.34. But rows of other units are seen
    as neighbours there: whoever looks at one compares the unit. And no window with a partition may
    stand beside, since rows leave it in another order. Elsewhere the windows have partitions. -#}
{% macro in_order(unit, order) -%}
    {{ return(adapter.dispatch("in_order")(unit, order)) }}
{%- endmacro %}
{% macro default__in_order(unit, order) -%} {%- endmacro %}
{% macro duckdb__in_order(unit, order) -%} order by {{ unit }}, {{ order }} {%- endmacro %}

{% macro over_in_order(unit, order) -%}
    {{ return(adapter.dispatch("over_in_order")(unit, order)) }}
{%- endmacro %}
{% macro default__over_in_order(unit, order) -%}
    over (partition by {{ unit }} order by {{ order }})
{%- endmacro %}
{% macro duckdb__over_in_order(unit, order) -%} over () {%- endmacro %}

{#- An aggregate over the events of the unit that rows in order end with: of each unit, or where `over`
    is empty of the last of all. No aggregate is the place of the last row. rows: the rows' name.
    In DuckDB `relation` is named again below the CTEs of the rows: theirs must be no names of tables. -#}
{% macro of_last_events(aggregate, relation, unit, rows) -%}
    {{ return(adapter.dispatch("of_last_events")(aggregate, relation, unit, rows)) }}
{%- endmacro %}
{% macro default__of_last_events(aggregate, relation, unit, rows) -%}
    (
        select {{ aggregate or "count(occurred_at)" }}
        from {{ relation }}
        where {{ unit }} = {{ rows }}.unit
    )
{%- endmacro %}
{% macro duckdb__of_last_events(aggregate, relation, unit, rows) -%}
    (
        select {{ aggregate or "count(occurred_at)" }}
        from {{ relation }}
        where
            {% if aggregate %}
                {{ unit }}
                = (select max({{ unit }}) from {{ relation }} where occurred_at is not null)
                and occurred_at is not null
            {% else %} {{ unit }} is not null
            {% endif %}
    )
{%- endmacro %}

{#- Relations of some of the units each, read one beside the other. sorted_parts: conditions that part the
    units, or ["true"], where the rows of the relation lie in order of unit and time, as those of a table
    created with that order by do. Nothing is sorted then, and what meets a row out of its order is an
    error. DuckDB walks through rows in order on one thread: every part can have one of its own. -#}
{% macro parts_in_order(relation, sorted_parts) -%}
    {%- set parts = [] -%}
    {%- for condition in sorted_parts -%}
        {%- do parts.append("(select * from " ~ relation ~ " where " ~ condition ~ ") as part") -%}
    {%- endfor -%}
    {{ return(parts or [relation]) }}
{%- endmacro %}

{#- What is said of a row that comes before one that it should follow. -#}
{% macro out_of_order(unit) -%}
    {{
        raised(
            "the rows do not lie in order of " ~ unit
            | replace("'", "''")
            ~ " and occurred_at: create the table with that order by, or leave out sorted_parts"
        )
    }}
{%- endmacro %}
{% macro raised(message) -%} {{ return(adapter.dispatch("raised")(message)) }} {%- endmacro %}
{% macro default__raised(message) -%} raise_error('{{ message }}') {%- endmacro %}
{% macro duckdb__raised(message) -%} error('{{ message }}') {%- endmacro %}
