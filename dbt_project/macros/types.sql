{% macro type_double() -%} {{ return(adapter.dispatch("type_double")()) }} {%- endmacro %}
{% macro default__type_double() -%} double {%- endmacro %}

{#- An aggregate: a sum of fractions to so many places, the same in whatever order threads bring the
    rows. Doubles are not added so: of one union built twice the last digit of a sum differed.
    over: the window, if it is one. -#}
{% macro exact_sum(expression, places=12, over="") -%}
    {{ from_exact("sum(" ~ exact(expression, places) ~ ") " ~ over, places) }}
{%- endmacro %}

{#- A fraction that can be added in any order, and what such a sum comes to. -#}
{% macro exact(expression, places=12) -%}
    cast({{ expression }} as decimal(38, {{ places + 3 }}))
{%- endmacro %}
{% macro from_exact(expression, places=12) -%}
    cast(round({{ expression }}, {{ places }}) as {{ type_double() }})
{%- endmacro %}
