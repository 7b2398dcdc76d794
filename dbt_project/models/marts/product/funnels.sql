-- Funnels are declared in dbt_project.yml, and a new one touches no SQL. Who enters on a day counts
-- once on it, with the furthest of that day's attempts.
{% set funnels = var("funnels") %}
{% set names = [] %}
{% for funnel in funnels %}
    {% for step in funnel["steps"] %} {% do names.append(step["event"]) %} {% endfor %}
{% endfor %}
with
    events as (
        select events.event_id, events.event_name, events.occurred_at, ids.person_id
        from {{ ref("int_events") }} as events
        inner join {{ ref("int_identified_ids") }} as ids on events.distinct_id = ids.distinct_id
        where
            ids.person_id is not null
            and not ids.is_internal
            and events.event_name in ('{{ names | unique | join("', '") }}')
    ),

    {% for funnel in funnels %}
        {% set conditions = [] %}
        {% set events = funnel["steps"] | map(attribute="event") | list %}
        {% for event in events %}
            {% do conditions.append("event_name = '" ~ event ~ "'") %}
        {% endfor %}
        attempts_{{ loop.index }} as (
            {{
                funnel_attempts(
                    "events",
                    conditions,
                    {},
                    funnel["window_days"] * 86400,
                    order=funnel.get("order", "ordered"),
                    disjoint=(events | unique | list | length) == (events | length),
                )
            }}
        ),
    {% endfor %}

    entries as (
        {% for funnel in funnels %}
            select
                '{{ funnel["funnel"] }}' as funnel,
                cast(t_1 as date) as entered_on,
                unit as person_id,
                max(reached) as reached
            from attempts_{{ loop.index }}
            group by cast(t_1 as date), unit
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    ),

    steps as (
        {% for funnel in funnels %}
            {% set outer = loop %}
            {% for step in funnel["steps"] %}
                select
                    '{{ funnel["funnel"] }}' as funnel,
                    {{ funnel["window_days"] }} as window_days,
                    {{ loop.index }} as step,
                    '{{ step["name"] }}' as step_name
                {% if not (loop.last and outer.last) %}
                    union all
                {% endif %}
            {% endfor %}
        {% endfor %}
    )

select
    entries.funnel,
    entries.entered_on,
    coalesce(traits.segment, 'unknown') as segment,
    cast(steps.step as bigint) as step,
    steps.step_name,
    cast(sum(case when entries.reached >= steps.step then 1 else 0 end) as bigint) as people_count,
    count(*) as entered_count,
    {{ date_plus_days("entries.entered_on", "steps.window_days") }}
    <= max(clock.last_complete_date) as is_complete
from entries
inner join steps on entries.funnel = steps.funnel
left join {{ ref("int_person_traits") }} as traits on entries.person_id = traits.person_id
cross join {{ ref("int_clock") }} as clock
group by
    entries.funnel,
    entries.entered_on,
    coalesce(traits.segment, 'unknown'),
    steps.step,
    steps.step_name,
    steps.window_days
