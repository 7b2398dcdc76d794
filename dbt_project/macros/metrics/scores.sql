{#- RICE: reach x impact x confidence / effort, effort in person-months; null without effort. After
    S. McBride, Intercom. -#}
{% macro rice(reach="reach", impact="impact", confidence="confidence", effort="effort") -%}
    ({{ reach }} * {{ impact }} * {{ confidence }} / nullif({{ effort }}, 0))
{%- endmacro %}

{#- Sales velocity in money a day: opportunities x average won value x win rate / days of the cycle, all
    of one segment and period; null if the cycle is 0. -#}
{% macro sales_velocity(
    opportunities="opportunities",
    average_value="average_value",
    win_rate="win_rate",
    cycle_days="cycle_days"
) -%}
    ({{ opportunities }} * {{ average_value }} * {{ win_rate }} / nullif({{ cycle_days }}, 0))
{%- endmacro %}
