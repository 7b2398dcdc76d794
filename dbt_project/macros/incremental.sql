{#- Incremental facts are rebuilt by whole days: what a night's loads touched is deleted and
    written again, so running twice changes nothing and a late event changes only its own day.

    A model says which rows it replaces in its config:
    meta={"replaces": {"column": "active_date", "model": "int_changed_days", "key": "event_date"}},
    and selects the rows of just those days when is_incremental(). -#}
{% macro get_incremental_partition_replace_sql(arguments) -%}
    {{ return(adapter.dispatch("partition_replace")(arguments)) }}
{%- endmacro %}

{% macro default__partition_replace(arguments) -%}
    {%- set columns = arguments["dest_columns"] | map(attribute="quoted") | join(", ") -%}
    insert overwrite {{ arguments["target_relation"] }}
    select {{ columns }} from {{ arguments["temp_relation"] }}
{%- endmacro %}

{% macro duckdb__partition_replace(arguments) -%}
    {%- set columns = arguments["dest_columns"] | map(attribute="quoted") | join(", ") -%}
    {%- set replaces = config.require("meta")["replaces"] -%}
    {%- set touched = ref(replaces["model"]) -%}
    delete from {{ arguments["target_relation"] }}
    where {{ replaces["column"] }} in (select {{ replaces["key"] }} from {{ touched }});
    insert into {{ arguments["target_relation"] }} ({{ columns }})
    select {{ columns }} from {{ arguments["temp_relation"] }}
{%- endmacro %}

{#- What the last complete build left in schema `state`, or none on the first build and on a full
    refresh. It is not a ref(): the model of that name runs last and would close a circle. -#}
{% macro previous(model_name) -%}
    {%- if not execute or flags.FULL_REFRESH -%} {{ return(none) }} {%- endif -%}
    {{ return(adapter.get_relation(target.database, "state", model_name)) }}
{%- endmacro %}
