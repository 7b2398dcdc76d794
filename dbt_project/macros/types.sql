{% macro type_double() -%} {{ return(adapter.dispatch("type_double")()) }} {%- endmacro %}
{% macro default__type_double() -%} double {%- endmacro %}
