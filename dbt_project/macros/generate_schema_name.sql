{#- The bare schema of a reader (`product`), not `main_product`: names join the layers as they are. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
