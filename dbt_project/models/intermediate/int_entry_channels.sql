-- Every way a visit or an ad looked and the channel it means: the first matching row of the seed
-- channel_rules. In a rule an empty cell matches anything and (none) only a missing value.
{% set parts = ["utm_source", "utm_medium", "referring_domain"] %}
with
    looks as (
        select utm_source, utm_medium, referring_domain
        from {{ ref("int_first_touches") }}
        union
        select utm_source, utm_medium, referring_domain
        from {{ ref("int_sessions") }}
        where page_view_count > 0
        union
        select utm_source, utm_medium, null as referring_domain
        from {{ ref("int_marketing_costs") }}
        where utm_source is not null
    ),

    entries as (
        select distinct
            {% for part in parts %}
                coalesce({{ part }}, '(none)') as {{ part }} {% if not loop.last %},{% endif %}
            {% endfor %}
        from looks
    ),

    matches as (
        select
            entries.*,
            rules.channel,
            row_number() over (
                partition by entries.utm_source, entries.utm_medium, entries.referring_domain
                order by rules.rule_order
            ) as choice
        from entries
        inner join
            {{ ref("channel_rules") }} as rules
            on {% for part in parts %}
                (
                    rules.{{ part }} is null
                    or entries.{{ part }} = rules.{{ part }}
                    or (entries.{{ part }} <> '(none)' and entries.{{ part }} like rules.{{ part }})
                )
                {% if not loop.last %} and {% endif %}
            {% endfor %}
    )

select {{ parts | join(", ") }}, channel
from matches
where choice = 1
